// The errors that are captured: each with a cause of its own, thrown ten calls deep. (With one cause for all, the peer
// takes an error for the one before it and drops it.)

const DEPTH = 10;

function thrown(depth, make) {
  if (depth > 1) return thrown(depth - 1, make);
  throw make();
}

function caught(make) {
  try {
    return thrown(DEPTH, make);
  } catch (error) {
    return error;
  }
}

/** Error number `n`, different from every other. */
export function distinct(n) {
  return caught(() => new Error(`order ${n} was not placed`, { cause: new Error(`connection ${n} was reset`) }));
}

/** Three different errors with one root cause. */
export function related() {
  const cause = new Error('the database is down');
  return ['an order was not placed', 'a cart was not saved', 'a user was not found'].map((message) =>
    caught(() => new Error(message, { cause })),
  );
}
