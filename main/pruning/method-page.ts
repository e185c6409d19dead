import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../contract/bounds.ts';
import { type DrawRule, type MethodOption, methodPage as pageSchema, type MethodPage } from '../contract/method.ts';
import type { Method } from './method.ts';

const described = z.object({
  properties: boundedRecord(
    boundedText,
    z.looseObject({ description: boundedText, default: z.union([boundedText, z.number(), z.boolean(), z.null()]) }),
  ),
});
const constants = boundedList(z.looseObject({ const: z.union([boundedText, z.number()]) }));

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
  const names = boundedList(boundedText).safeParse(shape['enum']);
  if (names.success) return names.data;
  const values = constants.safeParse(shape['anyOf']);
  return values.success ? values.data.map((value) => String(value.const)) : [];
};

const NEEDS = {
  nothing: 'no profile',
  routing: 'a profile of the task',
  search: 'labelled calibration items: it measures many candidates on them',
  fit: 'calibration items, on which a sweep searches or fits every plan',
} as const;

const optionLine = ({ name, kind, choices, default: value, help }: MethodOption): string => {
  const values = kind === 'choice' ? choices.join(' | ') : kind === 'switch' ? 'true | false' : 'number';
  return `- ${name} (${values}; default ${value}): ${help}`;
};

/** Whether plans depend on the seed, in words. */
const drawsText = (draws: DrawRule): string => {
  if (draws === false) return 'no';
  const where = draws === true ? [] : draws.map(({ option, value }) => `${option} is ${value}`);
  const says = `plans depend on the seed${where.length === 0 ? '' : ` where ${where.join(' or ')}`}`;
  return `${says}; a sweep measures several draws`;
};

/** The page of a method, for `uncurl methods NAME` and the window. */
export const methodPage = (method: Method): MethodPage => {
  const { title, name, summary, kind, needs, cost, draws, formula, defaults, source, pitfalls } = method;
  const options = optionTexts(method);
  const text = [
    `${title} (${name})`,
    '',
    summary,
    '',
    `Does: ${kind === 'drop' ? 'drops experts' : 'merges experts'}`,
    `Needs: ${NEEDS[needs]}`,
    `Cost: ${cost}`,
    `Random: ${drawsText(draws)}`,
    `Formula: ${formula}`,
    `Defaults: ${defaults}`,
    `Source: ${source}`,
    '',
    ...(options.length === 0 ? ['Options: none'] : ['Options:', ...options.map(optionLine)]),
    '',
    'Pitfalls:',
    ...pitfalls.map((pitfall) => `- ${pitfall}`),
  ].join('\n');
  return pageSchema.parse({ ...method, options, text });
};
