/** Where everything is that was captured, and waiting for it to be delivered. */
/**
 * Where everything is that was captured since the start of the process: `captured` is the sum of
 * `sent`, `dropped` and `pending`, always.
 */
export interface Delivery {
    /** What was captured by this process. */
    readonly captured: number;
    /** What a server took (without a DSN, what the local store keeps). */
    readonly sent: number;
    /** What is not delivered. */
    readonly dropped: number;
    /** What waits. */
    readonly pending: number;
    /** Whether all that waits is on disk, so that the next start delivers it. */
    readonly durable: boolean;
    /** What is not delivered, by reason, such as `sample_rate`, `before_send`, `queue_overflow`. */
    readonly reasons: Readonly<Record<string, number>>;
    /** Why what waits is not delivered yet; null when nothing waits or nothing is wrong. */
    readonly waitingFor: string | null;
}
/** Where everything is that was captured. */
export declare function delivery(): Delivery;
/**
 * Tries to deliver all that waits, for at most `timeoutMs` milliseconds (`shutdownTimeout` unless
 * told), and answers where everything is.
 */
export declare function flush(timeoutMs?: number): Promise<Delivery>;
/**
 * As {@link flush}, and captures nothing more until the next `init`. Takes no longer than told, whatever
 * the server does; what is left stays in the spool, for the next start.
 */
export declare function close(timeoutMs?: number): Promise<Delivery>;
