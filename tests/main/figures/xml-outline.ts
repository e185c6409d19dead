export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Text directly inside, entities resolved. */
  readonly text: string;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

const resolve = (text: string): string => {
  if (/[<>]|&(?!(amp|lt|gt|quot|#39|#x[0-9a-f]+);)/.test(text)) throw new Error(`not escaped: ${text.slice(0, 80)}`);
  return text.replace(/&([^;]+);/g, (_, name: string) =>
    name.startsWith('#x') ? String.fromCodePoint(parseInt(name.slice(2), 16)) : (entities[name] ?? ''),
  );
};

/** Strict parser of the figures' XML: throws on anything unbalanced, unescaped or repeated. */
export const parseXml = (document: string): XmlElement => {
  const body = document.replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, '').trimEnd();
  let at = 0;
  const element = (): XmlElement => {
    const open = /^<([a-z]+)((?: [a-zA-Z0-9:-]+="[^"]*")*)(\/?)>/.exec(body.slice(at, body.indexOf('>', at) + 1));
    if (open === null) throw new Error(`no element at ${at}: ${body.slice(at, at + 80)}`);
    const [whole, name = '', list = '', empty] = open;
    at += whole.length;
    const attributes: Record<string, string> = {};
    for (const [, key = '', value = ''] of list.matchAll(/ ([a-zA-Z0-9:-]+)="([^"]*)"/g)) {
      if (key in attributes) throw new Error(`attribute ${key} twice in ${name}`);
      attributes[key] = resolve(value);
    }
    const children: XmlElement[] = [];
    let text = '';
    if (empty === '/') return { name, attributes, children, text };
    for (;;) {
      const next = body.indexOf('<', at);
      if (next < 0) throw new Error(`${name} is not closed`);
      text += resolve(body.slice(at, next));
      at = next;
      if (body.startsWith(`</${name}>`, at)) {
        at += name.length + 3;
        return { name, attributes, children, text };
      }
      children.push(element());
    }
  };
  const root = element();
  if (at !== body.length) throw new Error(`text after the end: ${body.slice(at, at + 80)}`);
  return root;
};

/** All elements of a name, in document order. */
export const findAll = (root: XmlElement, name: string): XmlElement[] => [
  ...(root.name === name ? [root] : []),
  ...root.children.flatMap((child) => findAll(child, name)),
];
