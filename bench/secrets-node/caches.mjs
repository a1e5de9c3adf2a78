// The caches that are compared, as their documentation shows them: each a way to read a secret with a time to live.

/** `read` awaits the value of a secret; what is loaded is loaded here. */
export async function open(who, ttlMs) {
  switch (who) {
    case 'tallylight': {
      const tallylight = await import('tallylight');
      tallylight.init({ secrets: { ttl: ttlMs } });
      return {
        api: tallylight,
        read: async (name) => (await tallylight.getSecret(name)).reveal(),
        error: (error) => error.code,
      };
    }
    case 'powertools': {
      const powertools = await import('@aws-lambda-powertools/parameters/secrets');
      const options = { maxAge: ttlMs / 1000 };
      return {
        api: powertools,
        read: (name) => powertools.getSecret(name, options),
        error: (error) => error.cause?.name ?? error.name,
      };
    }
    default:
      throw new Error(`nobody is called ${who}`);
  }
}
