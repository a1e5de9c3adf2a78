// What compiles, what does not, and what types come out. Checked by `npm run check`, never run.

import {
  ConflictError,
  counter,
  drops,
  gauge,
  histogram,
  init,
  InvalidNameError,
  Operation,
  operation,
  shutdown,
  snapshot,
  status,
  TallylightError,
  Timer,
  version,
} from 'tallylight';
import type {
  Counter,
  Drops,
  ErrorCode,
  Gauge,
  Histogram,
  InstrumentOptions,
  Kind,
  Labels,
  OperationOptions,
  OperationStatus,
  Options,
  SeriesSnapshot,
  Snapshot,
  Status,
  Tallylight,
  WindowMetrics,
} from 'tallylight';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when both types are the same. */
function same<A, B>(_: Same<A, B>): void {}

// init and what it answers.
const client = init({ service: 'checkout', maxSeries: 10, tickMs: 500 });
same<typeof client, Tallylight>(true);
same<typeof client.operation, typeof operation>(true);
init();
init({ service: undefined });
const options: Options = { environment: 'production' };
init(options);
// @ts-expect-error an unknown option
init({ sevice: 'checkout' });
// @ts-expect-error a number is wanted
init({ maxSeries: '10' });
// @ts-expect-error the client cannot be changed
client.operation = operation;

// Operations.
const charge = operation('POST /charge', { route: '/charge', status: 200, cached: true }, { kind: 'server' });
same<typeof charge, Operation>(true);
operation('plain');
operation('labelled', {});
charge.record(12.5);
charge.recordError(12.5, 'TimeoutError');
// @ts-expect-error no such kind
operation('kind', {}, { kind: 'Server' });
// @ts-expect-error labels are text, numbers or booleans
operation('labels', { user: { id: 1 } });
// @ts-expect-error a label may not be missing
operation('labels', { user: undefined });
// @ts-expect-error a name is text
operation(5);
// @ts-expect-error a duration is a number
charge.record('12');
// @ts-expect-error a bigint is none
charge.record(12n);
// @ts-expect-error a failure has a type
charge.recordError(12);
// @ts-expect-error operations come from operation()
new Operation();
// @ts-expect-error the inside is private
charge.recorder;

// A method keeps its handle.
const { record, start } = charge;
// @ts-expect-error called without its handle
record(12.5);
// @ts-expect-error called without its handle
start();
const bound: (ms: number) => void = charge.record.bind(charge);
bound(12.5);

// time passes results through.
same<number, ReturnType<typeof plain>>(true);
const plain = () => charge.time(() => 5);
const eventually = charge.time(async () => 'text');
same<typeof eventually, Promise<string>>(true);
declare const pending: Query;
const query = charge.time(() => pending);
same<typeof query, Query>(true);
declare class Query extends Promise<number> {
  limit(rows: number): this;
}
// @ts-expect-error a function is wanted, not its promise
charge.time(Promise.resolve(1));

// Timers.
const timer = charge.start();
same<typeof timer, Timer>(true);
same<ReturnType<typeof timer.end>, number>(true);
timer.end();
timer.fail(new Error('x'));
timer.fail('TimeoutError');
// @ts-expect-error timers come from start()
new Timer();

// Instruments.
same<ReturnType<typeof counter>, Counter>(true);
same<ReturnType<typeof gauge>, Gauge>(true);
same<ReturnType<typeof histogram>, Histogram>(true);
const instrument: InstrumentOptions = { unit: 'By', scale: 1, description: 'bytes sent' };
counter('bytes', {}, instrument).add(5);
counter('calls').increment();
counter('calls').add();
gauge('level').set(1);
gauge('level').add(-1);
histogram('tokens', { model: 'm' }, { unit: '{token}' }).record(5);
// @ts-expect-error no such option
counter('c', {}, { units: 'By' });
// @ts-expect-error a gauge does not record
gauge('level').record(1);

// Reading.
same<ReturnType<typeof status>, Status>(true);
same<ReturnType<typeof snapshot>, Snapshot>(true);
same<ReturnType<typeof drops>, Drops>(true);
same<ReturnType<typeof shutdown>, void>(true);
same<typeof version, string>(true);
const document = status();
same<(typeof document.metrics)['p95Duration'], number>(true);
same<(typeof document.windows)['5m'], WindowMetrics>(true);
same<(typeof document.operations)[number], OperationStatus>(true);
same<(typeof document.service)['name'], string | null>(true);
const first: SeriesSnapshot | undefined = snapshot().series[0];
same<NonNullable<typeof first>['count'], number | undefined>(true);
// @ts-expect-error documents are read-only
document.metrics.totalErrors = 0;

// Errors.
const conflict = new ConflictError('x', { cause: 1 });
same<typeof conflict.code, ErrorCode>(true);
const base: TallylightError = new InvalidNameError('x');
const error: Error = base;
// @ts-expect-error no such code
const code: ErrorCode = 'whatever';

// Types on their own.
const kind: Kind = 'model';
const labels: Labels = { a: 1 };
const operationOptions: OperationOptions = { kind };

export { code, error, labels, operationOptions };
