import type { DrawRule, MethodOption, MethodPage } from '../contract/method.ts';
import type { Method } from './method.ts';
import { optionTexts } from './method-options.ts';

const NEEDS = {
  nothing: 'no profile',
  routing: 'a profile of the task',
  search: 'labelled calibration items: it measures many candidates on them',
  fit: 'calibration items, on which a sweep searches or fits every plan',
} as const;

const optionLine = ({ name, kind, choices, default: value, help }: MethodOption): string => {
  const values = kind === 'choice' ? choices.join(' | ') : kind === 'switch' ? 'true | false' : 'number';
  return `- ${name} (${values}; default ${String(value)}): ${help}`;
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
  return {
    name,
    title,
    summary,
    kind,
    needs,
    cost,
    formula,
    defaults,
    source,
    pitfalls: [...pitfalls],
    draws: typeof draws === 'boolean' ? draws : [...draws],
    options: [...options],
    text,
  };
};
