import type { Family, WrapperRecord } from './families/family.ts';

/** Name on disk of a name in a family's record, as some `names` of tensors show; without any, as published. */
export const namesOnDisk = ({ wrapper, renamed }: Family, names: readonly string[]): ((name: string) => string) => {
  if (renamed !== undefined && (names.length === 0 || names.some((name) => renamed.when.test(name))))
    return (name) => renamed.names.reduce((so, [from, to]) => so.replace(from, to), name);
  if (wrapper === null) return (name) => name;
  const form = formOf(wrapper, names);
  return (name) => {
    const start = (['model.', 'lm_head.'] as const).find((each) => name.startsWith(each));
    return start === undefined ? name : `${form[start]}${name.slice(start.length)}`;
  };
};

const formOf = ({ forms }: WrapperRecord, names: readonly string[]): WrapperRecord['forms'][number] => {
  const found = forms.find((form) => names.some((name) => name.startsWith(form['model.']))) ?? forms[0];
  if (found === undefined) throw new Error('a wrapper without forms of names');
  return found;
};
