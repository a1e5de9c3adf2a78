/** What is asked of a secret, checked for what TypeScript cannot. */
/** A secret's name or ARN; the ones every service here has come up as suggestions. */
export type SecretName = 'cineview-supabase-service-role' | 'cineview-ai-engine-api' | 'cineview-gemini-api' | (string & {});
/** What of a secret, and how new it has to be. */
export interface SecretOptions {
    /** One key of a JSON secret, as in {@link Secret.jsonKey}. */
    readonly key?: string | undefined;
    /** The version with this stage; `AWSCURRENT` when neither stage nor version is given. */
    readonly stage?: string | undefined;
    /** The version with this id. */
    readonly version?: string | undefined;
    /** How old the value may be, in milliseconds; an older one is refreshed first. */
    readonly maxAge?: number | undefined;
    /** How long to wait at most, in milliseconds, instead of the configured 5 s. */
    readonly deadline?: number | undefined;
}
/** The options of a call that reads from the source. */
export type RefreshOptions = Omit<SecretOptions, 'maxAge'>;
/** The options of a call about the current version. */
export type CurrentOptions = Omit<SecretOptions, 'stage' | 'version'>;
/** The options of a call that does not wait. */
export type PeekOptions = Omit<SecretOptions, 'deadline'>;
