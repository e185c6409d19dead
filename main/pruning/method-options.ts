import { z } from 'zod';
import type { MethodOption } from '../contract/method.ts';
import type { Method } from './method.ts';

const described = z.object({
  properties: z.record(
    z.string(),
    z.looseObject({ description: z.string(), default: z.union([z.string(), z.number(), z.boolean(), z.null()]) }),
  ),
});
const constants = z.array(z.looseObject({ const: z.union([z.string(), z.number()]) }));

/** Options of a method, read from the schema that also parses them. */
export const optionTexts = ({ options }: Pick<Method, 'options'>): readonly MethodOption[] => {
  const { properties } = described.parse(z.toJSONSchema(options, { io: 'input' }));
  return Object.entries(properties).map(([name, { description, default: value, ...shape }]) => {
    const choices = choicesOf(shape);
    const kind = choices.length > 0 ? 'choice' : typeof value === 'boolean' ? 'switch' : 'number';
    return { name, kind, choices, default: value, help: description };
  });
};

const choicesOf = (shape: Readonly<Record<string, unknown>>): string[] => {
  const names = z.array(z.string()).safeParse(shape['enum']);
  if (names.success) return names.data;
  const values = constants.safeParse(shape['anyOf']);
  return values.success ? values.data.map((value) => String(value.const)) : [];
};
