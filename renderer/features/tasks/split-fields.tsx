import { useId } from 'react';

interface SplitFieldsProps {
  readonly percent: number;
  readonly seed: number;
  readonly onChange: (changed: { readonly percent?: number; readonly seed?: number }) => void;
}

/** Share and seed of a split. */
export const SplitFields = ({ percent, seed, onChange }: SplitFieldsProps) => {
  const [shareId, seedId] = [useId(), useId()];
  return (
    <div className="split-fields">
      <div className="field">
        <label htmlFor={shareId}>Share for calibration</label>
        <input
          id={shareId}
          data-autofocus
          className="input split-number"
          type="number"
          min={1}
          max={99}
          step="any"
          value={Number.isFinite(percent) ? percent : ''}
          aria-invalid={!(percent > 0 && percent < 100)}
          onChange={(event) => onChange({ percent: event.target.valueAsNumber })}
        />
        <span aria-hidden="true">%</span>
      </div>
      <div className="field">
        <label htmlFor={seedId}>Seed</label>
        <input
          id={seedId}
          className="input split-number"
          type="number"
          min={0}
          step={1}
          value={Number.isFinite(seed) ? seed : ''}
          aria-invalid={!(Number.isInteger(seed) && seed >= 0)}
          onChange={(event) => onChange({ seed: event.target.valueAsNumber })}
        />
      </div>
    </div>
  );
};

interface WritingFieldsProps {
  readonly until: string;
  readonly maxNewTokens: number;
  /** Why fewer tokens are offered than the task asks for; may be empty. */
  readonly note: string;
  readonly onChange: (changed: { readonly until?: string; readonly maxNewTokens?: number }) => void;
}

/** Where the answers that a model writes end. */
export const WritingFields = ({ until, maxNewTokens, note, onChange }: WritingFieldsProps) => {
  const [untilId, mostId] = [useId(), useId()];
  return (
    <>
      <div className="split-fields">
        <div className="field">
          <label htmlFor={untilId}>Answers end at</label>
          <input
            id={untilId}
            className="input split-stop"
            value={until}
            spellCheck={false}
            title="Strings separated by “ | ”; \\n is a line break"
            aria-invalid={until === ''}
            onChange={(event) => onChange({ until: event.target.value })}
          />
        </div>
        <div className="field">
          <label htmlFor={mostId}>New tokens</label>
          <input
            id={mostId}
            className="input split-number"
            type="number"
            min={1}
            step={1}
            value={Number.isFinite(maxNewTokens) ? maxNewTokens : ''}
            aria-invalid={!(Number.isInteger(maxNewTokens) && maxNewTokens > 0)}
            onChange={(event) => onChange({ maxNewTokens: event.target.valueAsNumber })}
          />
        </div>
      </div>
      {note !== '' && <p className="muted">{note}</p>}
    </>
  );
};
