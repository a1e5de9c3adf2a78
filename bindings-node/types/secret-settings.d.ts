/** The settings of the secret cache, checked for what TypeScript cannot. */
/**
 * Settings of the secret cache; each also has an environment variable (`TALLYLIGHT_SECRETS_TTL_MS`,
 * `TALLYLIGHT_SECRETS_REGION`...), which holds where the option is not given. Times are milliseconds.
 */
export interface SecretsOptions {
    /**
     * The sources that may answer, all unless told. Their order is fixed: override, file, aws,
     * environment; the last answers in development only.
     */
    readonly sources?: readonly ('override' | 'file' | 'aws' | 'environment')[] | undefined;
    /** How long a value is fresh, spread by a tenth either way; 1 h unless told. */
    readonly ttl?: number | undefined;
    /** How old a value may be that is served while its source is out of order; 24 h unless told. */
    readonly maxStale?: number | undefined;
    /** How long a call waits at most; 5 s unless told. */
    readonly deadline?: number | undefined;
    /** How long one attempt at AWS may take; 2 s unless told. */
    readonly attemptTimeout?: number | undefined;
    /** How long the value before a rotation is kept where its source keeps none; 10 min unless told. */
    readonly previousGrace?: number | undefined;
    /** Calls to AWS at one time; 8 unless told. */
    readonly concurrency?: number | undefined;
    /** Secrets kept, 1,000 unless told; past it the least recently used go. */
    readonly maxEntries?: number | undefined;
    /** Bytes of values kept, 16 MiB unless told; past it the least recently used go. */
    readonly maxBytes?: number | undefined;
    /** The region; as the AWS SDK finds it unless told. */
    readonly region?: string | undefined;
    /** A region with replicas, asked when the first fails with a 5xx, a time-out or no connection. */
    readonly secondRegion?: string | undefined;
    /** What stands in for AWS's own endpoints, such as a private endpoint. */
    readonly endpoint?: string | undefined;
    /** A role to assume for secrets of another account. */
    readonly roleArn?: string | undefined;
    /** The external id that this role asks for. */
    readonly externalId?: string | undefined;
    /** Further variables (and with `_FILE`, files) in which a secret is found, by its name. */
    readonly aliases?: Readonly<Record<string, string | readonly string[]>> | undefined;
    /** Secrets of this service beside the built-in ones, for `prefetchSecrets` and the command line. */
    readonly declared?: readonly string[] | undefined;
    /** Where to keep a sealed copy, so that a restart during an outage starts all the same. */
    readonly cacheFile?: string | undefined;
    /** What it is sealed with: 32 bytes, or their base64 or hex. */
    readonly cacheKey?: string | Uint8Array | undefined;
}
