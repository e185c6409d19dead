import { expect, test } from 'vitest';
import { methodPage } from '../../../../main/pruning/method-page.ts';
import { methodNamed, methodNames } from '../../../../main/pruning/methods.ts';
import {
  inWords,
  isDefault,
  optionsSummary,
  settingOfOption,
  valueOfField,
} from '../../../../renderer/features/plan/method-options.tsx';

const options = methodNames.flatMap((name) =>
  methodPage(methodNamed(name)).options.map((option) => ({ name, option })),
);

test('every choice offered by the window is valid for the method', () => {
  const choices = options.flatMap(({ name, option }) => option.choices.map((choice) => ({ name, option, choice })));
  expect(choices.length).toBeGreaterThan(50);
  for (const { name, option, choice } of choices) {
    expect(
      () => methodNamed(name).prepare({ [option.name]: valueOfField(option, choice) }),
      `${name} ${option.name} ${choice}`,
    ).not.toThrow();
  }
});

test('a default is still recognised after passing through the field', () => {
  for (const { option } of options) {
    // An empty number gives the default of its setting.
    const { default: usual, isOptional } = settingOfOption(option);
    expect(isOptional, option.name).toBe(option.kind === 'number');
    const back = valueOfField(option, option.kind === 'choice' ? String(option.default) : usual);
    expect(isDefault(option, back), option.name).toBe(true);
  }
});

test('names are converted to words, and changes are counted', () => {
  expect(inWords('switchAfter')).toBe('switch after');
  expect(inWords('most-active')).toBe('most active');
  expect(['k-means', 'cluster-qr'].map(inWords)).toEqual(['k-means', 'cluster QR']);
  expect(optionsSummary('EEP', { evaluations: 5 })).toBe('EEP options, 1 changed');
  expect(optionsSummary('EEP', undefined)).toBe('EEP options');
});
