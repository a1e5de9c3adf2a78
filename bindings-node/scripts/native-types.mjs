// Renders ts/native.d.ts from napi-derive's type definitions.
//
// @napi-rs/cli does this too, but brings 80 packages and asks for Node 22.

const HEAD = `/**
 * The native addon's functions. Generated from the Rust glue by \`npm run types\`; do not edit.
 */
`;

/** The text of native.d.ts. */
export function renderNativeTypes(definitions) {
  const known = { interface: renderInterface, fn: renderFunction };
  const parts = definitions.map((definition) => {
    const render = known[definition.kind];
    if (!render) throw new Error(`native-types.mjs knows no ${definition.kind} (${definition.name}); teach it`);
    return [definition.kind, definition.name, render(definition)];
  });
  const of = (kind) =>
    parts.filter(([what]) => what === kind).sort(([, a], [, b]) => (a < b ? -1 : 1)).map(([, , text]) => text);
  return [HEAD, ...of('interface'), ...of('fn')].join('\n');
}

function renderInterface({ name, def, js_doc }) {
  const fields = def
    .split('\n')
    .map((line) => {
      // An optional field may also be given as undefined.
      const [, optional, type] = /^(\w+\?): (.*)$/.exec(line.trim()) ?? [];
      return `  ${optional ? `${optional}: ${type} | undefined;` : field(line.trim())}`;
    })
    .join('\n');
  return `${doc(js_doc)}export interface ${name} {\n${fields}\n}\n`;
}

function field(line) {
  if (line.startsWith('/*')) return line;
  return line.startsWith('*') ? ` ${line}` : `${line};`;
}

function renderFunction({ def, js_doc }) {
  return `${doc(js_doc)}export declare ${def};\n`;
}

function doc(text) {
  return text ? `${text.trim()}\n` : '';
}
