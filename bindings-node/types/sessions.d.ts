/**
 * Release health: the session of this process, by which a server tells how many runs of a release were
 * free of errors. There is one, and it needs a release.
 */
/** How a session starts. */
export interface SessionOptions {
    /** The id of the user that it is of, if it is of one. */
    readonly user?: string | undefined;
}
/**
 * Starts the session of this process, ending the one under way. Answers whether there is one: without
 * a release there is none. Errors that are captured count into it, and an error that nobody catches
 * ends it.
 */
export declare function startSession(options?: SessionOptions): boolean;
/**
 * Ends the session of this process, `exited` unless told. Answers whether there was one.
 *
 * @throws InvalidValueError for an end that there is not
 */
export declare function endSession(end?: 'exited' | 'crashed' | 'abnormal'): boolean;
