import type { ComponentProps } from 'react';
import { Field } from '../../components/choices.tsx';

interface TypedNumberProps extends Omit<ComponentProps<'input'>, 'value' | 'onChange'> {
  readonly label: string;
  /** NaN: the field is empty. */
  readonly value: number;
  readonly isFit: boolean;
  readonly onType: (value: number) => void;
}

/** A number field; `children` stand behind it. */
const TypedNumber = ({ label, value, isFit, onType, children, ...rest }: TypedNumberProps) => (
  <Field label={label}>
    {(id) => (
      <>
        <input
          {...rest}
          id={id}
          className="input split-number"
          type="number"
          value={Number.isFinite(value) ? value : ''}
          aria-invalid={!isFit}
          onChange={(event) => onType(event.target.valueAsNumber)}
        />
        {children}
      </>
    )}
  </Field>
);

interface SplitFieldsProps {
  readonly percent: number;
  readonly seed: number;
  readonly onChange: (changed: { readonly percent?: number; readonly seed?: number }) => void;
}

/** Share and seed of a split. */
export const SplitFields = ({ percent, seed, onChange }: SplitFieldsProps) => (
  <div className="split-fields">
    <TypedNumber
      label="Share for calibration"
      data-autofocus
      min={1}
      max={99}
      step="any"
      value={percent}
      isFit={percent > 0 && percent < 100}
      onType={(typed) => onChange({ percent: typed })}
    >
      <span aria-hidden="true">%</span>
    </TypedNumber>
    <TypedNumber
      label="Seed"
      min={0}
      step={1}
      value={seed}
      isFit={Number.isInteger(seed) && seed >= 0}
      onType={(typed) => onChange({ seed: typed })}
    />
  </div>
);

interface WritingFieldsProps {
  readonly until: string;
  readonly maxNewTokens: number;
  /** Why fewer tokens are offered than the task asks for; may be empty. */
  readonly note: string;
  readonly onChange: (changed: { readonly until?: string; readonly maxNewTokens?: number }) => void;
}

/** Where the answers that a model writes end. */
export const WritingFields = ({ until, maxNewTokens, note, onChange }: WritingFieldsProps) => (
  <>
    <div className="split-fields">
      <Field label="Answers end at">
        {(id) => (
          <input
            id={id}
            className="input split-stop"
            value={until}
            spellCheck={false}
            title="Strings separated by “ | ”; \n is a line break"
            aria-invalid={until === ''}
            onChange={(event) => onChange({ until: event.target.value })}
          />
        )}
      </Field>
      <TypedNumber
        label="New tokens"
        min={1}
        step={1}
        value={maxNewTokens}
        isFit={Number.isInteger(maxNewTokens) && maxNewTokens > 0}
        onType={(typed) => onChange({ maxNewTokens: typed })}
      />
    </div>
    {note !== '' && <p className="muted">{note}</p>}
  </>
);
