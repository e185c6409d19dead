import type { MethodOption } from '../../../main/contract/method.ts';
import type { MethodOptions } from '../../../main/contract/plan.ts';

export type OptionValue = MethodOptions[string];

/** "switchAfter" and "most-active" as a person reads them. */
export const inWords = (name: string): string =>
  name.replaceAll('-', ' ').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A choice as the method wants it: some choose among numbers. */
export const valueOfChoice = (option: MethodOption, choice: string): OptionValue =>
  typeof option.default === 'number' ? Number(choice) : choice;

/** What stands in a number field; an empty one means the default. */
export const numberOf = (option: MethodOption, value: number): OptionValue =>
  Number.isFinite(value) ? value : option.default;

export const isDefault = (option: MethodOption, value: OptionValue): boolean => value === option.default;

/** "UNCURL options", and how many of them differ from their defaults. */
export const optionsSummary = (title: string, changed: MethodOptions | undefined): string => {
  const count = Object.keys(changed ?? {}).length;
  return `${title} options${count === 0 ? '' : `, ${count} changed`}`;
};
