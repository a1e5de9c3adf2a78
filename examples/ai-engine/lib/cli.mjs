/**
 * The command line of this example's four programs: flags, `--help`, exit codes.
 *
 * Data goes to stdout, messages to stderr. Exit code 0 is a clean end, 1 a failure, 2 a wrong use.
 */
import { parseArgs } from 'node:util';

/** A mistake of the person at the keyboard: printed without a stack, exit code 2. */
export class UsageError extends Error {
  name = 'UsageError';
}

/** A failure that explains itself: printed without a stack, exit code 1. */
export class CommandError extends Error {
  name = 'CommandError';
}

/**
 * @typedef {object} OptionSpec
 * @property {'string' | 'number' | 'boolean'} type
 * @property {string} help what it does, for `--help`
 * @property {string} [value] placeholder shown in `--help`, e.g. `MS`
 * @property {string} [env] environment variable read when the flag is absent
 * @property {string | number | boolean} [default]
 * @property {number} [min]
 * @property {number} [max]
 * @property {boolean} [integer]
 *
 * @typedef {object} CommandSpec
 * @property {string} name
 * @property {string} summary
 * @property {Record<string, OptionSpec>} options
 * @property {string[]} examples
 */

/** @type {OptionSpec} */
const HELP = { type: 'boolean', help: 'show this help' };

/**
 * Reads `argv` by the specification. Answers `null` when only the help was asked for (it is printed).
 * @param {CommandSpec} spec
 * @param {string[]} argv
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Record<string, any> | null}
 */
export function readOptions(spec, argv, env = process.env) {
  const options = { ...spec.options, help: HELP };
  let values;
  try {
    values = parseArgs({
      args: argv,
      // Numbers are parsed below, where the message can say which flag was wrong.
      options: Object.fromEntries(
        Object.entries(options).map(([name, option]) => [
          name,
          { type: option.type === 'boolean' ? 'boolean' : 'string' },
        ]),
      ),
      strict: true,
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message.split('. To specify')[0] ?? 'wrong arguments');
  }
  if (values.help) {
    process.stdout.write(helpText(spec));
    return null;
  }
  return Object.fromEntries(
    Object.entries(spec.options).map(([name, option]) => [
      camelCase(name),
      readOption(name, option, values[name], env),
    ]),
  );
}

/**
 * @param {string} name
 * @param {OptionSpec} option
 * @param {string | boolean | (string | boolean)[] | undefined} given
 * @param {NodeJS.ProcessEnv} env
 */
function readOption(name, option, given, env) {
  const fromEnv = option.env ? env[option.env] : undefined;
  const raw = given ?? (fromEnv === '' ? undefined : fromEnv);
  if (raw === undefined) return option.default;
  const source = given === undefined ? String(option.env) : `--${name}`;
  if (option.type === 'number') return readNumber(source, option, String(raw));
  if (option.type === 'boolean') return raw === true || raw === '1' || raw === 'true';
  return String(raw);
}

/**
 * @param {string} source
 * @param {OptionSpec} option
 * @param {string} raw
 */
function readNumber(source, option, raw) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, integer = false } = option;
  const value = raw.trim() === '' ? NaN : Number(raw);
  if (!Number.isFinite(value) || value < min || value > max || (integer && !Number.isInteger(value))) {
    const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
    throw new UsageError(`${source} must be a ${integer ? 'whole ' : ''}number, ${range}; got '${raw}'`);
  }
  return value;
}

/** @param {string} name */
function camelCase(name) {
  return name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

/** @param {CommandSpec} spec */
function helpText(spec) {
  const rows = Object.entries({ ...spec.options, help: HELP }).map(([name, option]) => {
    const placeholder =
      option.type === 'boolean' ? '' : ` ${option.value ?? (option.type === 'number' ? 'N' : 'TEXT')}`;
    const notes = [
      option.default === undefined || option.default === '' || option.default === false
        ? ''
        : `default ${option.default}`,
      option.env ? `env ${option.env}` : '',
    ].filter(Boolean);
    return [`  --${name}${placeholder}`, option.help + (notes.length > 0 ? ` [${notes.join(', ')}]` : '')];
  });
  const width = Math.max(...rows.map(([flag]) => /** @type {string} */ (flag).length)) + 2;
  return [
    spec.summary,
    '',
    `Usage: node ${spec.name}.mjs [options]`,
    '',
    'Options:',
    ...rows.map(([flag, help]) => `${/** @type {string} */ (flag).padEnd(width)}${help}`),
    '',
    'Examples:',
    ...spec.examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

/**
 * Runs a program: reads its options, runs it, and turns what it throws into a message and an exit code.
 * `run` may answer an exit code. The process then ends by itself, as soon as nothing is open any more.
 * @param {CommandSpec} spec
 * @param {(options: Record<string, any>) => Promise<number | void>} run
 */
export async function runCommand(spec, run) {
  // A closed pipe (`| head`) is a quiet end, not a crash.
  process.stdout.on('error', (error) => {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    const options = readOptions(spec, process.argv.slice(2));
    if (options) process.exitCode = (await run(options)) ?? 0;
  } catch (error) {
    const expected = error instanceof UsageError || error instanceof CommandError;
    const message = expected ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`${spec.name}: ${message}\n`);
    if (error instanceof UsageError) process.stderr.write(`Hint: node ${spec.name}.mjs --help\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/**
 * Prints one JSON line on stdout.
 * @param {unknown} value
 */
export function printJson(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
