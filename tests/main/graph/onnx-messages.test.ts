import { readFileSync } from 'node:fs';
import { ScalarType, type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { file_onnx as generated } from '../../../main/graph/onnx-messages.ts';

/** Generated code is committed; it must be what `npm run onnx-messages` would make of resources/onnx.proto. */
const source = readFileSync(new URL('../../../resources/onnx.proto', import.meta.url), 'utf8');

interface Declared {
  readonly fields: ReadonlySet<string>;
  readonly values: ReadonlySet<string>;
}

/** Every field and enum value of a .proto text, under its full name; braces are balanced per line. */
const readProto = (text: string): Declared => {
  const fields = new Set<string>();
  const values = new Set<string>();
  const scopes: { readonly kind: string; readonly name: string }[] = [];
  const scopeName = (): string => scopes.flatMap(({ kind, name }) => (kind === 'oneof' ? [] : [name])).join('.');
  for (const line of text.split('\n').map((each) => each.replace(/\/\/.*/, '').trim())) {
    const opened = /^(message|enum|oneof) (\w+) \{$/.exec(line);
    const field = /^(?:(optional|repeated) )?([\w.]+) (\w+) = (\d+)( \[packed = true\])?;$/.exec(line);
    const value = /^(\w+) = (\d+);$/.exec(line);
    if (opened !== null) scopes.push({ kind: opened[1] ?? '', name: opened[2] ?? '' });
    else if (line === '}') scopes.pop();
    else if (value !== null) values.add(`${scopeName()}.${value[1] ?? ''} = ${value[2] ?? ''}`);
    else if (field !== null) {
      const [, label = 'oneof', type = '', name = '', number = '', packed = ''] = field;
      fields.add(`${scopeName()}: ${label} ${type} ${name} = ${number}${packed}`);
    } else if (line !== '' && !/^(syntax|package) /.test(line))
      throw new Error(`onnx.proto: "${line}" was not understood`);
  }
  return { fields, values };
};

const localName = (typeName: string): string => typeName.replace(/^onnx\./, '');

const typeOf = (field: DescField): string => {
  if (field.message !== undefined) return field.message.name;
  if (field.enum !== undefined) return field.enum.name;
  return ScalarType[field.scalar].toLowerCase();
};

const describeField = (field: DescField): string => {
  const label = field.oneof !== undefined ? 'oneof' : field.fieldKind === 'list' ? 'repeated' : 'optional';
  const packed = field.fieldKind === 'list' && field.packed ? ' [packed = true]' : '';
  return (
    `${localName(field.parent.typeName)}: ${label} ${typeOf(field)} ${field.name} = ` +
    `${String(field.number)}${packed}`
  );
};

const messagesOf = (messages: readonly DescMessage[]): readonly DescMessage[] =>
  messages.flatMap((message) => [message, ...messagesOf(message.nestedMessages)]);

const describeEnum = (each: DescEnum): readonly string[] =>
  each.values.map(({ name, number }) => `${localName(each.typeName)}.${name} = ${String(number)}`);

describe('the messages of ONNX', () => {
  const declared = readProto(source);
  const messages = messagesOf(generated.messages);

  it('are those of resources/onnx.proto, field by field', () => {
    expect(declared.fields.size).toBeGreaterThan(40);
    expect(new Set(messages.flatMap(({ fields }) => fields.map(describeField)))).toEqual(declared.fields);
  });

  it('have its enumerations, value by value', () => {
    expect(declared.values.size).toBeGreaterThan(16);
    const enums = [...generated.enums, ...messages.flatMap(({ nestedEnums }) => nestedEnums)];
    expect(new Set(enums.flatMap(describeEnum))).toEqual(declared.values);
  });
});
