import { Decimal, isDict, isList, pythonRepr, type PythonValue } from '../python/python-value.ts';
import { TemplateFault } from './template-fault.ts';
import { typeName } from './template-operators.ts';
import { meteredText, type WorkMeter } from './work-meter.ts';

interface Layout {
  /** Spaces per level, or null for one line. */
  readonly indent: number | null;
  readonly areKeysSorted: boolean;
}

/** Like json.dumps: keeps characters beyond ASCII and escapes control characters as JSON.stringify does. */
const write = (value: PythonValue, layout: Layout, level: number): string => {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Decimal) return pythonRepr(value);
  const inner = layout.indent === null ? '' : `\n${' '.repeat(layout.indent * (level + 1))}`;
  const end = layout.indent === null ? '' : `\n${' '.repeat(layout.indent * level)}`;
  const joined = (members: readonly string[]): string =>
    inner + members.join(layout.indent === null ? ', ' : `,${inner}`) + end;
  if (isList(value))
    return value.length === 0 ? '[]' : `[${joined(value.map((member) => write(member, layout, level + 1)))}]`;
  if (isDict(value)) {
    const entries = layout.areKeysSorted ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : [...value];
    return entries.length === 0
      ? '{}'
      : `{${joined(entries.map(([key, member]) => `${JSON.stringify(key)}: ${write(member, layout, level + 1)}`))}}`;
  }
  throw new TemplateFault(`tojson of ${typeName(value)} is not supported`, 'Print values that JSON supports.');
};

/** tojson as transformers defines it for chat templates: Python's json.dumps without ensure_ascii. */
export const jsonText = (value: PythonValue, named: ReadonlyMap<string, PythonValue>, meter: WorkMeter): string => {
  for (const [name] of named) {
    if (!['indent', 'ensure_ascii', 'sort_keys'].includes(name))
      throw new TemplateFault(`tojson with ${name} is not supported`, 'Leave it out.');
  }
  if ((named.get('ensure_ascii') ?? false) !== false)
    throw new TemplateFault('tojson with ensure_ascii is not supported', 'Leave it out.');
  const indent = named.get('indent') ?? null;
  if (indent !== null && (typeof indent !== 'number' || indent < 0 || indent > 16))
    throw new TemplateFault('tojson needs a small whole number as its indent', 'Give the number of spaces.');
  meteredText(value, meter);
  return write(value, { indent, areKeysSorted: named.get('sort_keys') === true }, 0);
};
