import { useId } from 'react';
import type { ReactNode } from 'react';

export interface SelectOption<V extends string> {
  readonly value: V;
  readonly label: string;
  readonly disabled?: boolean;
  /** Heading that this option stands under with its neighbours of the same group. */
  readonly group?: string;
}

interface SelectProps<V extends string> {
  readonly label: ReactNode;
  readonly value: V;
  readonly options: readonly SelectOption<V>[];
  readonly onChange: (value: V) => void;
  readonly disabled?: boolean;
  /** Label above the field instead of before it. */
  readonly stacked?: boolean;
}

export const Select = <V extends string>({ label, value, options, onChange, disabled, stacked }: SelectProps<V>) => {
  const id = useId();
  return (
    <div className={stacked === true ? 'field field-stacked' : 'field'}>
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value);
          if (chosen !== undefined) onChange(chosen.value);
        }}
      >
        {inGroups(options).map(({ group, members }) =>
          group === undefined ? (
            members.map((option) => <OptionLine key={option.value} option={option} />)
          ) : (
            <optgroup key={group} label={group}>
              {members.map((option) => (
                <OptionLine key={option.value} option={option} />
              ))}
            </optgroup>
          ),
        )}
      </select>
    </div>
  );
};

const OptionLine = <V extends string>({ option }: { readonly option: SelectOption<V> }) => (
  <option value={option.value} disabled={option.disabled}>
    {option.label}
  </option>
);

interface OptionGroup<V extends string> {
  readonly group: string | undefined;
  readonly members: readonly SelectOption<V>[];
}

const inGroups = <V extends string>(options: readonly SelectOption<V>[]): readonly OptionGroup<V>[] =>
  options.reduce<readonly OptionGroup<V>[]>((groups, option) => {
    const last = groups.at(-1);
    return last !== undefined && last.group === option.group
      ? [...groups.slice(0, -1), { group: last.group, members: [...last.members, option] }]
      : [...groups, { group: option.group, members: [option] }];
  }, []);
