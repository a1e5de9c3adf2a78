/**
 * The value of a secret, in an object that does not show it.
 *
 * Whoever wants the value says so with `reveal`; whatever else is done with the object (printed,
 * logged, put into JSON, an error or a template, copied, sent to a worker) shows its name at most.
 * The value is not in JavaScript until it is revealed.
 */
/** Where a value came from; `disk` is the sealed cache, at a start during an outage. */
export type SecretSource = 'override' | 'file' | 'aws' | 'environment' | 'disk';
/** A secret's value and where it came from. Get one from `getSecret`. */
export declare class Secret {
    #private;
    private constructor();
    /** True for secrets from any copy of the package in the process. */
    static [Symbol.hasInstance](value: unknown): boolean;
    /**
     * The value as text.
     *
     * @throws InvalidValueError when it is no UTF-8 text; `revealBytes` has it
     */
    reveal(): string;
    /** A copy of the value as bytes. */
    revealBytes(): Uint8Array;
    /** The name it was asked for by. */
    get name(): string;
    /** Which source answered. */
    get source(): SecretSource;
    /** The version's id, where the source has versions. */
    get version(): string | undefined;
    /** The stages of that version when it was read, such as `AWSCURRENT`. */
    get stages(): readonly string[];
    /** The ARN, where it comes from AWS. */
    get arn(): string | undefined;
    /** The region that answered, where it comes from AWS. */
    get region(): string | undefined;
    /** When the source answered. */
    get fetchedAt(): Date;
    /** How long ago the source answered, in milliseconds. */
    get age(): number;
    /** Whether it was stored as binary, or is no UTF-8 text. */
    get isBinary(): boolean;
    /** How many bytes the value has. */
    get byteLength(): number;
    /**
     * One key of a JSON secret: of its top level or, for a key that starts with `/`, by JSON Pointer.
     * A text comes without quotes, anything else as JSON.
     *
     * @throws InvalidValueError when the secret is no JSON object
     * @throws NotFoundError when it has no such key, naming the keys it has
     */
    jsonKey(key: string): Secret;
    /** The name, never the value. */
    toString(): string;
    /** As {@link toString}. */
    toJSON(): string;
    /** As {@link toString}, for a template, a concatenation or a comparison. */
    [Symbol.toPrimitive](): string;
}
