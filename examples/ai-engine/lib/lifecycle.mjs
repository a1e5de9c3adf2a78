/**
 * Starting to listen and being asked to stop: the same for the server, the stub and the starter.
 */
import { once } from 'node:events';
import { CommandError } from './cli.mjs';

/**
 * Listens and answers the base URL; a busy port or a foreign host becomes a message with a hint.
 * @param {import('node:http').Server} server
 * @param {number} port 0 picks a free one
 * @param {string} host
 */
export async function listen(server, port, host) {
  try {
    // `once` rejects when the server emits `error` first.
    await once(server.listen(port, host), 'listening');
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
    const hint = code === 'EADDRINUSE' ? ' Hint: choose another --port, or --port 0 for a free one.' : '';
    throw new CommandError(`cannot listen on ${host}:${port} (${code ?? message}).${hint}`, { cause: error });
  }
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${name}:${address.port}`;
}

/**
 * Calls `stop` once, at the first SIGTERM or SIGINT, or when the starter that forked us is gone. A second signal
 * does not wait any longer.
 * @param {(reason: string) => void} stop
 */
export function onStop(stop) {
  let stopping = false;
  /** @param {string} reason */
  const request = (reason) => {
    if (stopping) {
      // `disconnect` follows an ordinary signal from the starter: it is no second request.
      if (reason !== 'disconnect') process.exit(reason === 'SIGINT' ? 130 : 143);
      return;
    }
    stopping = true;
    stop(reason);
  };
  process.on('SIGTERM', () => request('SIGTERM'));
  // Ctrl-C in a terminal reaches the starter and its children alike; the children wait for the starter's word.
  process.on('SIGINT', () => process.connected || request('SIGINT'));
  if (process.connected === undefined) return;
  // We were forked. The starter may be gone already, before anyone listened.
  if (!process.connected) return void setImmediate(request, 'disconnect');
  process.on('disconnect', () => request('disconnect'));
  // The listener above would keep the process alive for as long as the starter lives.
  process.channel?.unref();
}
