import { useId, useState } from 'react';
import { useStore } from 'zustand';
import type { Setting } from '../../../main/contract/setting.ts';
import { defaultText } from '../../../main/contract/setting.ts';
import { Select } from '../../components/choices.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { finetuneStore } from '../../state/finetune-store.ts';
import { isIdle, refused } from './finetune-input.ts';

/** The label of a setting, with its explanation on hover and focus. */
export const SettingLabel = ({ setting }: { readonly setting: Setting }) => (
  <Tooltip
    className="definition"
    content={
      <>
        <strong>{setting.label}</strong>
        <p>{setting.help}</p>
        <p>Default: {defaultText(setting)}.</p>
      </>
    }
  >
    {setting.label}
  </Tooltip>
);

/** A number field; invalid values are marked. */
const NumberField = ({ setting }: { readonly setting: Setting }) => {
  const { settings, choose } = useStore(finetuneStore);
  const id = useId();
  const value = settings[setting.name];
  return (
    <div className="field field-stacked">
      <label htmlFor={id}>
        <SettingLabel setting={setting} />
      </label>
      <input
        id={id}
        className="input"
        type="number"
        step={setting.kind === 'real' ? 'any' : 1}
        value={typeof value === 'number' && Number.isFinite(value) ? value : ''}
        placeholder={setting.isOptional ? 'default' : undefined}
        disabled={isIdle(setting, settings)}
        aria-invalid={refused(settings).includes(setting.name)}
        onChange={({ target }) => {
          const isEmpty = target.value === '' && !target.validity.badInput;
          choose(setting.name, isEmpty && setting.isOptional ? null : target.valueAsNumber);
        }}
      />
    </div>
  );
};

const ChoiceField = ({ setting }: { readonly setting: Setting }) => {
  const { settings, choose } = useStore(finetuneStore);
  return (
    <Select
      stacked
      label={setting.label}
      value={String(settings[setting.name])}
      options={setting.choices.map((value) => ({ value, label: value }))}
      onChange={(value) => choose(setting.name, value)}
    />
  );
};

/** Field of a setting: a number or a choice. */
export const SettingField = ({ setting }: { readonly setting: Setting }) =>
  setting.kind === 'choice' ? <ChoiceField setting={setting} /> : <NumberField setting={setting} />;

/** Field of a list, with values separated by commas. */
export const ListField = ({ setting }: { readonly setting: Setting }) => {
  const { choose } = useStore(finetuneStore);
  const [text, setText] = useState('');
  const id = useId();
  return (
    <div className="field-stacked">
      <label className="field-label" htmlFor={id}>
        <SettingLabel setting={setting} />
      </label>
      <input
        id={id}
        className="input"
        value={text}
        spellCheck={false}
        placeholder={defaultText(setting)}
        onChange={(event) => {
          setText(event.target.value);
          const parts = event.target.value.split(',').map((part) => part.trim());
          choose(
            setting.name,
            parts.filter((part) => part !== ''),
          );
        }}
      />
    </div>
  );
};
