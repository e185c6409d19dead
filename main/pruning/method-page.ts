import type { MethodOption, MethodPage } from '../contract/method.ts';
import type { Method } from './method.ts';
import { optionTexts } from './method-options.ts';

const NEEDS = {
  nothing: 'no profile',
  routing: 'a profile of the task',
  search: 'labelled calibration items: it measures many candidates on them',
} as const;

const optionLine = ({ name, kind, choices, default: value, help }: MethodOption): string => {
  const values = kind === 'choice' ? choices.join(' | ') : kind === 'switch' ? 'true | false' : 'number';
  return `- ${name} (${values}; default ${String(value)}): ${help}`;
};

/** The page of a method: what `uncurl methods NAME` prints and the window shows. */
export const methodPage = (method: Method): MethodPage => {
  const { title, name, summary, kind, needs, cost, random, formula, defaults, source, pitfalls } = method;
  const options = optionTexts(method);
  const text = [
    `${title} (${name})`,
    '',
    summary,
    '',
    `Does: ${kind === 'drop' ? 'drops experts' : 'merges experts'}`,
    `Needs: ${NEEDS[needs]}`,
    `Cost: ${cost}`,
    `Random: ${random ? 'plans depend on the seed' : 'no'}`,
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
    random,
    options: [...options],
    text,
  };
};
