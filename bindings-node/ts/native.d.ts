/**
 * The native addon's functions. Generated from the Rust glue by `npm run types`; do not edit.
 */

/** A file beside an event. */
export interface AttachedFile {
  /** Its name at the server. */
  filename: string;
  /** Its media type. */
  contentType?: string | undefined;
  /** What it holds. */
  data: Uint8Array;
}

/** The current value and the one before. */
export interface BothValues {
  /** The current one. */
  current: SecretValue;
  /** The one before, if there is one. */
  previous?: SecretValue | undefined;
}

/** A check-in of a job, and what its monitor is to be. */
export interface CheckInRequest {
  /** The monitor's name. */
  slug: string;
  /** `in_progress`, `ok` or `error`. */
  status: string;
  /** The id of the check-in that this one ends. */
  id?: string | undefined;
  /** Seconds that the job took. */
  duration?: number | undefined;
  /** The trace that the job is in. */
  traceId?: string | undefined;
  /** The schedule as cron writes it. */
  crontab?: string | undefined;
  /** The schedule as every so many... */
  every?: number | undefined;
  /** ...of this unit. */
  unit?: string | undefined;
  /** Minutes after which a check-in is missed. */
  checkinMargin?: number | undefined;
  /** Minutes after which a job has failed. */
  maxRuntime?: number | undefined;
  /** Failures in a row that make an issue. */
  failureIssueThreshold?: number | undefined;
  /** Successes in a row that resolve it. */
  recoveryThreshold?: number | undefined;
  /** The time zone of the schedule. */
  timezone?: string | undefined;
  /** Whose it is. */
  owner?: string | undefined;
}

/** A declared secret. */
export interface DeclaredSecret {
  /** Its name. */
  name: string;
  /** Further variables that hold it. */
  aliases: Array<string>;
  /** What it is. */
  description: string;
}

/** What the TypeScript goes by, once `init` and the environment's variables are put together. */
export interface EffectiveErrors {
  /** Whether events go to a server. */
  enabled: boolean;
  /** Share of errors that are captured. */
  sampleRate: number;
  /** Share of transactions that are captured. */
  tracesSampleRate: number;
  /** Share of the captured transactions that are profiled. */
  profilesSampleRate: number;
  /** Breadcrumbs that a scope keeps. */
  maxBreadcrumbs: number;
  /** Whether users' addresses, cookies and request bodies may be captured. */
  sendDefaultPii: boolean;
  /** Whether the prompts and answers of model calls are captured. */
  capturePrompts: boolean;
  /** How long the end of the process waits for events to be delivered, in milliseconds. */
  shutdownTimeout: number;
}

/** Settings of errors and traces; what is missing comes from the environment variables. */
export interface ErrorsSettings {
  /** Where events go; an empty text is nowhere, and they stay in the local store. */
  dsn?: string | undefined;
  /** The folder of the spool and the local store. */
  spoolDir?: string | undefined;
  /** Whether events are kept on disk until they are delivered. */
  spool?: boolean | undefined;
  /** Bytes of events kept on disk. */
  maxSpoolBytes?: number | undefined;
  /** How old an event may be that is still delivered, in milliseconds. */
  maxSpoolAge?: number | undefined;
  /** Bytes of events kept in memory where the disk takes none. */
  maxQueueBytes?: number | undefined;
  /** Events that the local store keeps. */
  localEvents?: number | undefined;
  /** Identical events a minute that are delivered one by one. */
  stormLimit?: number | undefined;
  /** How long one request may take, in milliseconds. */
  requestTimeout?: number | undefined;
  /** How long the end of the process waits for events to be delivered, in milliseconds. */
  shutdownTimeout?: number | undefined;
  /** Share of errors that are captured. */
  sampleRate?: number | undefined;
  /** Share of transactions that are captured. */
  tracesSampleRate?: number | undefined;
  /** Share of the captured transactions that are profiled. */
  profilesSampleRate?: number | undefined;
  /** Breadcrumbs that a scope keeps. */
  maxBreadcrumbs?: number | undefined;
  /** Whether users' addresses, cookies and request bodies may be captured. */
  sendDefaultPii?: boolean | undefined;
  /** Whether the local variables of frames are captured, where the language tells of them. */
  includeLocalVariables?: boolean | undefined;
  /** Whether the prompts and answers of model calls are captured. */
  capturePrompts?: boolean | undefined;
  /** Further keys whose values are redacted. */
  scrubKeys?: Array<string> | undefined;
  /** What `server_name` says. */
  serverName?: string | undefined;
}

/** A trace that a request brought, or a new one. */
export interface IncomingTrace {
  /** Its id. */
  traceId: string;
  /** The span that caused this; none where the trace starts here. */
  parentSpanId?: string | undefined;
  /** What was decided before. */
  sampled?: boolean | undefined;
  /** By which rate. */
  sampleRate?: number | undefined;
  /** What all services of the trace compare their rate with. */
  sampleRand: number;
  /** What came with it and never changes; none where this process fills it in. */
  dynamic?: string | undefined;
}

/** How a call ended. */
export interface ModelCallOutcome {
  /** Who offers the model. */
  provider: string;
  /** The model. */
  model: string;
  /** What it was asked to do. */
  operation: string;
  /** How long it took, in milliseconds. */
  duration: number;
  /** The type of its failure. */
  errorType?: string | undefined;
  /** Tokens of the prompt. */
  inputTokens?: number | undefined;
  /** Tokens of the answer. */
  outputTokens?: number | undefined;
  /** How long a stream took to its first chunk, in milliseconds. */
  firstChunk?: number | undefined;
}

/** A secret that is not as the caller has it, or a note that it is the same. */
export interface Newer {
  /** The newer secret; none when the newest is the one that was refused. */
  value?: SecretValue | undefined;
}

/** What a look at a subscription finds. */
export interface NextChange {
  /** The next change; none yet without one. */
  change?: SecretChange | undefined;
  /** Whether there will be none any more. */
  ended: boolean;
  /** Changes that were lost because nobody took them in time. */
  missed: number;
}

/** Where an octave of 128 cells lies. */
export interface OctavePlace {
  /** Its number. */
  octave: number;
  /** Its place. */
  place: Place;
}

/** A place in a segment of memory. */
export interface Place {
  /** The segment's number. */
  segment: number;
  /** Bytes from its start, a multiple of 8. */
  byteOffset: number;
}

/** One answer of many. */
export interface Prefetched {
  /** The name it was asked for by. */
  name: string;
  /** The secret. */
  value?: SecretValue | undefined;
  /** Why there is none. */
  error?: Error | undefined;
}

/** A registered series. */
export interface Registration {
  /** Its number in the process. */
  id: number;
  /**
   * The scale its values are kept at; past the cap it is the overflow series', not the one
   * asked for.
   */
  scale: number;
}

/** A secret that is another one now, or none any more. */
export interface SecretChange {
  /** The name it was subscribed by, else the one it was first asked for by. */
  name: string;
  /** `rotated` or `evicted`. */
  kind: string;
  /** The version now. */
  version?: string | undefined;
  /** The version before. */
  previousVersion?: string | undefined;
  /** Which source answered. */
  source: string;
  /** When it was seen, in milliseconds since 1970. */
  at: number;
}

/** What is asked for. */
export interface SecretRequest {
  /** Its name or ARN. */
  name: string;
  /** One key of a JSON secret. */
  key?: string | undefined;
  /** The version with this stage. */
  stage?: string | undefined;
  /** The version with this id. */
  version?: string | undefined;
  /** How old the value may be, in milliseconds. */
  maxAge?: number | undefined;
  /** How long to wait at most, in milliseconds. */
  deadline?: number | undefined;
}

/** A secret without its value. */
export interface SecretValue {
  /** What reveals it; the value is overwritten when the last handle of it is collected. */
  handle: unknown;
  /** The name it was asked for by. */
  name: string;
  /** Which source answered. */
  source: string;
  /** The version's id. */
  version?: string | undefined;
  /** The stages of that version. */
  stages: Array<string>;
  /** The ARN. */
  arn?: string | undefined;
  /** The region that answered. */
  region?: string | undefined;
  /** When the source answered, in milliseconds since 1970. */
  fetchedAt: number;
  /** Whether it is no text. */
  isBinary: boolean;
  /** How many bytes the value has. */
  length: number;
}

/** Settings of the secret cache; what is missing comes from the environment variables. */
export interface SecretsSettings {
  /** The sources that may answer, separated by commas. */
  sources?: string | undefined;
  /** How long a value is fresh, in milliseconds. */
  ttl?: number | undefined;
  /** How old a value may be while its source is out of order, in milliseconds. */
  maxStale?: number | undefined;
  /** How long a call waits at most, in milliseconds. */
  deadline?: number | undefined;
  /** How long one attempt may take, in milliseconds. */
  attemptTimeout?: number | undefined;
  /** How long the value before a rotation is kept, in milliseconds. */
  previousGrace?: number | undefined;
  /** Calls to AWS at one time. */
  concurrency?: number | undefined;
  /** Secrets kept. */
  maxEntries?: number | undefined;
  /** Bytes of values kept. */
  maxBytes?: number | undefined;
  /** The region. */
  region?: string | undefined;
  /** A region with replicas. */
  secondRegion?: string | undefined;
  /** Another address of AWS Secrets Manager. */
  endpoint?: string | undefined;
  /** A role to assume. */
  roleArn?: string | undefined;
  /** The external id of that role. */
  externalId?: string | undefined;
  /** Further variables, by name. */
  aliases?: Record<string, Array<string>> | undefined;
  /** Further secrets of this service. */
  declared?: Array<string> | undefined;
  /** The sealed cache on disk. */
  cacheFile?: string | undefined;
  /** Its key, in base64 or hex. */
  cacheKey?: string | undefined;
}

/** How a counter, gauge or histogram counts. */
export interface SeriesOptions {
  /** The unit, shown and not interpreted. */
  unit?: string | undefined;
  /** Values are kept as `round(value * scale)`; 1 unless given. */
  scale?: number | undefined;
  /** One line on what is counted. */
  description?: string | undefined;
}

/** Where this isolate writes one series, in float64 cells. */
export interface SeriesPlaces {
  /** Eight cells: sum low, sum carry and maximum are at 2, 3 and 4. */
  header: Place;
  /** One cell, not 0 once recording is closed. */
  gate: Place;
  /** The octaves that exist already. */
  octaves: Array<OctavePlace>;
}

/** The settings that `init` was given; what is missing comes from the environment variables. */
export interface Settings {
  /** The environment's name. */
  environment?: string | undefined;
  /** The service's name. */
  service?: string | undefined;
  /** The version that runs. */
  release?: string | undefined;
  /** Series kept apart. */
  maxSeries?: number | undefined;
  /** Cap on the memory that holds the counts. */
  maxMemoryBytes?: number | undefined;
  /** Cap on the memory of the rolling windows. */
  maxWindowBytes?: number | undefined;
  /** How often the windows take in what is new, in milliseconds. */
  tickMs?: number | undefined;
  /** Errors and traces. */
  errors?: ErrorsSettings | undefined;
  /** The secret cache. */
  secrets?: SecretsSettings | undefined;
}

/** What was decided when a transaction started. */
export interface StartedTrace {
  /** Whether it is captured. */
  sampled: boolean;
  /** By which rate. */
  sampleRate?: number | undefined;
  /** Whether it is profiled as well. */
  profiled: boolean;
}

/** What a request or an envelope carries. */
export interface TraceHeaders {
  /** `sentry-trace`. */
  sentryTrace: string;
  /** `traceparent`. */
  traceparent: string;
  /** `baggage`. */
  baggage: string;
  /** What is frozen from now on. */
  dynamic: string;
  /** The `trace` header of an envelope, as JSON. */
  envelope?: string | undefined;
}

/** Where a trace is. */
export interface TracePosition {
  /** The trace. */
  traceId: string;
  /** The span that causes the request. */
  spanId: string;
  /** Whether it is captured, if that is decided. */
  sampled?: boolean | undefined;
  /** By which rate. */
  sampleRate?: number | undefined;
  /** The trace's random value; follows from its id where none is given. */
  sampleRand?: number | undefined;
  /** The transaction's name, if it is one of few. */
  transaction?: string | undefined;
  /** What is frozen already. */
  dynamic?: string | undefined;
}

/**
 * Makes a transaction that was captured the exemplar of the operations that it measured: their
 * numbers, and how many milliseconds each took.
 */
export declare function addExemplars(traceId: string, eventId: string, series: Array<number>, millis: Array<number>): void;

/** Adds a value to a counter, or a number of failures to an error series. */
export declare function addValue(id: number, value: number): boolean;

/** The current value and the one before. */
export declare function bothSecrets(request: SecretRequest): BothValues | Promise<BothValues>;

/**
 * Hands over something to deliver; answers `spooled`, `queued`, or why it is not delivered.
 * `category` is a name such as `error` or `transaction`, `payload` a JSON object in Sentry's form,
 * `trace` the envelope's header of that name and `profile` the profile of a transaction.
 */
export declare function captureItem(category: string, id: string, payload: string, trace?: string | undefined | null, profile?: string | undefined | null, files?: Array<AttachedFile> | undefined | null): string;

/** Captures a check-in; answers its id, for the one that ends it. */
export declare function checkIn(request: CheckInRequest): string;

/** Claims a shard for this isolate, once; false when none is left, and it then records by calls. */
export declare function claimShard(): boolean;

/** Counts a value that was recorded as the maximum. */
export declare function clampOne(): void;

/** Ends an override. */
export declare function clearSecretOverride(name: string): void;

/** As `flushItems`, and takes nothing more until the next `init`. */
export declare function closeItems(limit: number): string | Promise<string>;

/** Counts an authentication failure; answers the event to capture, as JSON, when one is due. */
export declare function countAuthenticationFailure(reason: string): string | null;

/** Finds or registers a counter. */
export declare function counter(name: string, labels: Array<string>, options: SeriesOptions): Registration;

/** The secrets that this service declares. */
export declare function declaredSecrets(): Array<DeclaredSecret>;

/** The account of what was captured, as JSON. */
export declare function delivery(): string;

/** Counts things that were captured and are not handed over. */
export declare function discardItems(category: string, reason: string, count: number): void;

/** Counts a recording that could not be made. */
export declare function dropOne(reason: string): void;

/** What was not recorded, as JSON. */
export declare function drops(): string;

/** The settings of errors that hold now. */
export declare function effectiveErrors(): EffectiveErrors;

/** Ends the session of this process; whether there was one. */
export declare function endSession(end: string): boolean;

/** The number of the series that counts an operation's failures of one type. */
export declare function errorSeries(operation: number, errorType: string): number;

/** Tries to deliver all that waits for at most so many milliseconds; the account as JSON. */
export declare function flushItems(limit: number): string | Promise<string>;

/** As `flushItems`, on the calling thread: for a process that ends. */
export declare function flushItemsBlocking(limit: number): string;

/** Finds or registers a gauge. */
export declare function gauge(name: string, labels: Array<string>, options: SeriesOptions): Registration;

/** Adds to a gauge. */
export declare function gaugeAdd(id: number, delta: number): boolean;

/** Sets a gauge. */
export declare function gaugeSet(id: number, value: number): boolean;

/** OpenTelemetry's names, as JSON, under those that the TypeScript uses. */
export declare function genAiNames(): string;

/** The value, from the cache or its source. */
export declare function getSecret(request: SecretRequest): SecretValue | Promise<SecretValue>;

/** The value if it is at hand, else why there is none. */
export declare function getSecretSync(request: SecretRequest): SecretValue;

/** Where to write an octave, allocated at its first touch; null when no memory is left. */
export declare function growOctave(id: number, octave: number): Place | null;

/** Finds or registers a histogram. */
export declare function histogram(name: string, labels: Array<string>, options: SeriesOptions): Registration;

/** Sets the process-wide instance up and starts its thread. */
export declare function init(settings: Settings): void;

/** Takes the next change of a subscription; without one, its `notify` is called when there is more. */
export declare function nextSecretChange(subscription: number): NextChange;

/** Notes that a thread reported its uncaught error. */
export declare function noteUnhandled(thread: number): void;

/** Finds or registers an operation; answers its number. */
export declare function operation(name: string, labels: Array<string>, kind: string): number;

/** The value if it is at hand. */
export declare function peekSecret(request: SecretRequest): SecretValue | null;

/** Reads many at once, those that are declared without names. */
export declare function prefetchSecrets(names: Array<string>): Array<Prefetched> | Promise<Array<Prefetched>>;

/** Records a failure of an operation that took `ms` milliseconds. */
export declare function recordFailure(id: number, ms: number, errorType: string): boolean;

/** Records a call of a model; answers the number of its operation, none where it could not be. */
export declare function recordModelCall(call: ModelCallOutcome): number | null;

/** Records a value into an operation (milliseconds) or a histogram (its own unit). */
export declare function recordValue(id: number, value: number): boolean;

/** The newest value, from its source. */
export declare function refreshSecret(request: SecretRequest): SecretValue | Promise<SecretValue>;

/** Another value than the one of `handle`, which was refused. */
export declare function refusedSecret(request: SecretRequest, handle: unknown): Newer | Promise<Newer>;

/**
 * Gives the shard back. Only for an isolate that holds no buffer on it, since it stops writing
 * here.
 */
export declare function releaseShard(): void;

/** The value as text. */
export declare function revealSecret(handle: unknown): string;

/** A copy of the value as bytes. */
export declare function revealSecretBytes(handle: unknown): Uint8Array;

/** Runs `tallylight` with these arguments, without the program's name; answers the exit code. */
export declare function runCli(args: Array<string>): number;

/** The same text without the value of any known secret; null when there was none in it. */
export declare function scrub(text: string): string | null;

/** One key of a JSON secret. */
export declare function secretJsonKey(handle: unknown, key: string): SecretValue;

/** The epoch now, for a runtime that refuses memory that is not its own. */
export declare function secretsEpoch(): number;

/**
 * The four bytes that hold the epoch, to read only; null where the runtime refuses memory that is
 * not its own.
 */
export declare function secretsEpochCell(): ArrayBuffer | null;

/** The memory of a segment; null where the runtime refuses memory that is not its own. */
export declare function segment(segment: number): ArrayBuffer | null;

/** Where to write a series; null when there is no shard or no memory left. */
export declare function seriesPlaces(id: number): SeriesPlaces | null;

/** Counts an error into the session of this process. */
export declare function sessionErrored(): void;

/** Facts of this process for all its events, a JSON object such as `{"contexts":{"runtime":{}}}`. */
export declare function setEventFacts(facts: string): void;

/** Sets a value for this process that is answered before every source. */
export declare function setSecretOverride(name: string, value: Uint8Array): void;

/** Closes recording in the whole process and stops the thread. */
export declare function shutdown(): void;

/** Every series, as JSON. */
export declare function snapshot(): string;

/** Starts the session of this process; whether there is one now. */
export declare function startSession(user?: string | undefined | null): boolean;

/** The status document, as JSON. */
export declare function status(): string;

/** Subscribes to one secret, or to all; `notify` is called when a look finds more. */
export declare function subscribeSecrets(name: string | undefined | null, notify: () => void): number;

/** Whether a thread reported its uncaught error; asked once. */
export declare function takeUnhandled(thread: number): boolean;

/** The headers of a request that goes out; `existing` is a `baggage` that it carries already. */
export declare function traceHeaders(at: TracePosition, existing?: string | undefined | null): TraceHeaders;

/** Continues the trace of a request's headers, or starts one. */
export declare function traceIncoming(sentryTrace?: string | undefined | null, baggage?: string | undefined | null, traceparent?: string | undefined | null): IncomingTrace;

/**
 * Decides whether a transaction is captured: by what the user's function `asked` for, by what was
 * decided before, by the rate.
 */
export declare function traceStart(sampleRand: number, parent?: boolean | undefined | null, parentRate?: number | undefined | null, asked?: number | undefined | null): StartedTrace;

/** Ends a subscription. */
export declare function unsubscribeSecrets(subscription: number): void;

/** The version of the core. */
export declare function version(): string;
