// Servers in place of AWS: moto, which all suites share, and a fault proxy for each test. Without
// TALLYLIGHT_TEST_MOTO and TALLYLIGHT_TEST_FAULT_PROXY (`cargo xtask services` prints them) the
// tests that need them are skipped.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { json, run } from './support.mjs';

const MOTO = process.env.TALLYLIGHT_TEST_MOTO;
const PROXY = process.env.TALLYLIGHT_TEST_FAULT_PROXY;

/** What a test without servers says; false with them. */
export const skip = MOTO && PROXY ? false : 'no servers: run `cargo xtask services` and set its variables';

/** A secret's name that no other test has. */
export const unique = (name = 'node') => `${name}-${randomUUID()}`;

/** Calls AWS as its API is, unsigned; moto looks at the credential's scope only. */
export async function aws(operation, input, { region = 'us-east-1', base = MOTO } = {}) {
  const answer = await fetch(base, {
    method: 'POST',
    body: JSON.stringify(input),
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `secretsmanager.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0`,
    },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`moto refused ${operation}: ${JSON.stringify(body)}`);
  return body;
}

/** Creates a secret under a name of its own; answers the name. */
export async function create(value = 'first', name = unique()) {
  await aws('CreateSecret', {
    Name: name,
    ...(typeof value === 'string' ? { SecretString: value } : { SecretBinary: Buffer.from(value).toString('base64') }),
  });
  return name;
}

/** Rotates as AWS's functions do: a pending version is put, then promoted. */
export async function rotate(name, value) {
  const { VersionIdsToStages } = await aws('DescribeSecret', { SecretId: name });
  const current = Object.keys(VersionIdsToStages).find((id) => VersionIdsToStages[id].includes('AWSCURRENT'));
  const token = randomUUID();
  await aws('PutSecretValue', { SecretId: name, ClientRequestToken: token, SecretString: value, VersionStages: ['AWSPENDING'] });
  await aws('UpdateSecretVersionStage', {
    SecretId: name,
    VersionStage: 'AWSCURRENT',
    MoveToVersionId: token,
    RemoveFromVersionId: current,
  });
  return { before: current, now: token };
}

/** A fault proxy before moto, and the environment of a process that takes it for AWS. */
export async function faultProxy() {
  const child = spawn(PROXY, ['--upstream', MOTO], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { proxy, control } = JSON.parse(line);
  return {
    url: proxy,
    control,
    env: {
      AWS_ENDPOINT_URL: proxy,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
      FAULT_PROXY_CONTROL: control,
    },
    /** GetSecretValue calls so far. */
    calls: async () => (await counts(control)).by_operation.GetSecretValue ?? 0,
    counts: () => counts(control),
    mode: (...rules) => mode(control, ...rules),
    stop: async () => {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

async function say(control, path, body) {
  const answer = await fetch(control + path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(`the fault proxy refused ${path}: ${value.error}`);
  return value;
}

/** What a proxy has counted; `control` of a child's comes from FAULT_PROXY_CONTROL. */
export const counts = (control = process.env.FAULT_PROXY_CONTROL) => say(control, '/counts');

/** Has a proxy fail; without rules it forwards everything. */
export const mode = (control, ...rules) => say(control, '/mode', { rules });

const PRELUDE = `
  import { setTimeout as sleep } from 'node:timers/promises';
  import * as t from 'tallylight';
  import { aws, counts, mode as setMode, rotate } from './tests/servers.mjs';
  const control = process.env.FAULT_PROXY_CONTROL;
  const mode = (...rules) => setMode(control, ...rules);
  const calls = async () => (await counts()).by_operation.GetSecretValue ?? 0;
  const answer = (value) => console.log(JSON.stringify(value));
  const until = async (condition) => { for (let i = 0; i < 1000 && !(await condition()); i++) await sleep(10); };
`;

/** A program's text with what it needs at hand, and constants of these names. */
function text(code, constants) {
  return `${PRELUDE}${Object.entries(constants).map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`).join('')}${code}`;
}

/**
 * Runs a program in a process of its own, against a fault proxy of its own; answers the value that
 * it printed. What else is given becomes its constants.
 */
export function program(code, { env = {}, ...constants } = {}) {
  return withProxy((proxy) => json(text(code, constants), { env: { ...proxy.env, ...env } }));
}

/** As `program`; answers the exit code and all output. */
export function transcript(code, { env = {}, ...constants } = {}) {
  return withProxy((proxy) => run(text(code, constants), { env: { ...proxy.env, ...env } }));
}

async function withProxy(use) {
  const proxy = await faultProxy();
  try {
    return await use(proxy);
  } finally {
    await proxy.stop();
  }
}
