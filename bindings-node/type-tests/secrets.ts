// The types of secrets: what compiles, what does not, and what types come out.

import {
  both,
  clearSecretOverride,
  declaredSecrets,
  defineSecrets,
  DeniedError,
  getSecret,
  getSecretSync,
  init,
  onSecretChange,
  peek,
  prefetchSecrets,
  refreshSecret,
  scrub,
  Secret,
  setSecretOverride,
  status,
  TallylightError,
  TimeoutError,
  withSecret,
} from 'tallylight';
import type {
  AbortSignalLike,
  BothSecrets,
  DeclaredSecret,
  ErrorDetails,
  SecretAccessor,
  SecretChange,
  SecretChanges,
  SecretName,
  SecretOptions,
  SecretsOptions,
  SecretsStatus,
  SecretSource,
  Tallylight,
  WithSecretOptions,
} from 'tallylight';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only when both types are the same. */
function same<A, B>(_: Same<A, B>): void {}

// Settings.
const settings: SecretsOptions = {
  sources: ['override', 'file', 'aws'],
  ttl: 600_000,
  maxStale: 3_600_000,
  aliases: { 'prod/db': ['DB_PASSWORD'], other: 'OTHER' },
  declared: ['prod/db'],
  cacheFile: '/var/cache/secrets',
  cacheKey: new Uint8Array(32),
};
const client: Tallylight = init({ secrets: settings });
init({ secrets: { region: undefined } });
// @ts-expect-error an unknown option
init({ secrets: { tll: 5 } });
// @ts-expect-error an unknown source
init({ secrets: { sources: ['vault'] } });
same<typeof client.getSecret, typeof getSecret>(true);
same<typeof client.peek, typeof peek>(true);
same<typeof client.both, typeof both>(true);
same<typeof client.defineSecrets, typeof defineSecrets>(true);

// Reading.
const options: SecretOptions = { key: 'password', stage: 'AWSPENDING', version: 'v', maxAge: 5, deadline: 100 };
same<ReturnType<typeof getSecret>, Promise<Secret>>(true);
getSecret('cineview-gemini-api');
getSecret('any/other', options);
const name: SecretName = 'any/other';
const text: string = name;
same<ReturnType<typeof getSecretSync>, Secret>(true);
same<ReturnType<typeof peek>, Secret | undefined>(true);
same<ReturnType<typeof refreshSecret>, Promise<Secret>>(true);
same<ReturnType<typeof both>, Promise<BothSecrets>>(true);
// @ts-expect-error a name is text
getSecret(5);
// @ts-expect-error no such option
getSecret('a', { kye: 'password' });
// @ts-expect-error nothing is waited for
peek('a', { deadline: 5 });
// @ts-expect-error the newest has no age
refreshSecret('a', { maxAge: 5 });
// @ts-expect-error the current one and the one before are meant
both('a', { stage: 'AWSPENDING' });

// The type.
declare const secret: Secret;
same<ReturnType<typeof secret.reveal>, string>(true);
same<ReturnType<typeof secret.revealBytes>, Uint8Array>(true);
same<ReturnType<typeof secret.jsonKey>, Secret>(true);
same<typeof secret.source, SecretSource>(true);
same<typeof secret.version, string | undefined>(true);
same<typeof secret.stages, readonly string[]>(true);
same<typeof secret.fetchedAt, Date>(true);
same<typeof secret.age, number>(true);
same<typeof secret.isBinary, boolean>(true);
// @ts-expect-error a secret is not its text
const value: string = secret;
// @ts-expect-error secrets come from getSecret
new Secret();
// @ts-expect-error the facts are read-only
secret.name = 'b';
declare const both_: BothSecrets;
same<typeof both_.current, Secret>(true);
const previous: Secret | undefined = both_.previous;

// Many at once.
const many = await prefetchSecrets(['a', 'b']);
same<keyof typeof many, 'a' | 'b'>(true);
same<(typeof many)['a'], Secret | TallylightError>(true);
const declared = await prefetchSecrets();
same<(typeof declared)[string], Secret | TallylightError>(true);
same<ReturnType<typeof declaredSecrets>, readonly DeclaredSecret[]>(true);

// withSecret passes results through.
const rows = withSecret('db', async (password) => password.reveal().length);
same<typeof rows, Promise<number>>(true);
const plain = withSecret('db', (password) => password.name);
same<typeof plain, Promise<string>>(true);
declare function call(key: string): Promise<{ readonly status: number }>;
withSecret('db', (password) => call(password.reveal()), { isRefusedResult: (response) => response.status === 407 });
const rule: WithSecretOptions<number> = { isRefused: (error) => error instanceof RangeError, key: 'password', deadline: 5 };
withSecret('db', () => 5, rule);
// @ts-expect-error a rule answers yes or no
withSecret('db', () => 5, { isRefused: () => 'yes' });

// Changes.
declare const signal: AbortSignalLike;
const changes = onSecretChange('a', { signal });
same<typeof changes, SecretChanges>(true);
for await (const change of onSecretChange()) {
  same<typeof change, SecretChange>(true);
  same<typeof change.kind, 'rotated' | 'evicted'>(true);
  same<typeof change.at, Date>(true);
  break;
}

// Accessors.
const secrets = defineSecrets({ gemini: 'cineview-gemini-api', db: { name: 'prod/db', key: 'password' } });
same<typeof secrets.gemini, SecretAccessor>(true);
same<keyof typeof secrets, 'gemini' | 'db'>(true);
same<ReturnType<typeof secrets.db>, Promise<Secret>>(true);
same<ReturnType<typeof secrets.db.peek>, Secret | undefined>(true);
same<ReturnType<typeof secrets.db.sync>, Secret>(true);
const used = secrets.db.use(() => 5);
same<typeof used, Promise<number>>(true);
const more = defineSecrets({ mail: ['prod/mail', 'token'], again: secrets.gemini });
same<typeof more.mail, SecretAccessor>(true);
// @ts-expect-error a pair is a name and a key
defineSecrets({ a: ['prod/mail'] });
// @ts-expect-error no such secret
secrets.gemmini;
// @ts-expect-error a definition has a name
defineSecrets({ a: { key: 'password' } });
// @ts-expect-error the key is the definition's
secrets.db({ key: 'user' });

// The rest.
same<ReturnType<typeof scrub>, string>(true);
setSecretOverride('a', 'text');
setSecretOverride('a', new Uint8Array(1));
clearSecretOverride('a');
// @ts-expect-error a value is text or bytes
setSecretOverride('a', 5);
const { secrets: cache } = status();
same<typeof cache, SecretsStatus>(true);
same<typeof cache.staleServes, number>(true);

// Errors.
const denied = new DeniedError('no', { details: { region: 'eu-west-1' }, cause: 1 });
same<typeof denied.details, ErrorDetails>(true);
const region: string | undefined = denied.details.region;
const error: TallylightError = new TimeoutError('late');

export { error, previous, region, text, value };
