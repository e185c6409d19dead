import { useId } from 'react';
import { useStore } from 'zustand';
import { Definition } from '../../components/definition.tsx';
import { sweepStore } from '../../state/sweep-store.ts';

/** Seeds, item limit and margin. */
export const SweepNumbers = () => {
  const settings = useStore(sweepStore);
  const ids = { seeds: useId(), limit: useId(), delta: useId() };
  return (
    <div className="choice-row">
      <div className="field">
        <label htmlFor={ids.seeds}>
          <Definition of="seeds">Random seeds</Definition>
        </label>
        <input
          id={ids.seeds}
          className="input input-number"
          type="number"
          min={1}
          max={30}
          value={settings.seeds}
          onChange={(event) => settings.chooseSeeds(event.target.valueAsNumber || 1)}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.limit}>
          <Definition of="limit" />
        </label>
        <input
          id={ids.limit}
          className="input input-number"
          type="number"
          min={1}
          placeholder="all"
          value={settings.limit ?? ''}
          onChange={(event) => {
            const limit = Math.round(event.target.valueAsNumber);
            settings.chooseLimit(limit >= 1 ? limit : null);
          }}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.delta}>
          <Definition of="delta" />
        </label>
        <input
          id={ids.delta}
          className="input input-number"
          type="number"
          min={0.005}
          max={0.5}
          step={0.005}
          value={settings.delta}
          onChange={(event) => {
            const delta = event.target.valueAsNumber;
            if (delta > 0 && delta <= 0.5) settings.chooseDelta(delta);
          }}
        />
      </div>
    </div>
  );
};
