import { Select } from '../../components/select.tsx';
import { formatWhen } from '../../format/format-time.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { useSweep } from './use-sweep.ts';

/** Which sweep is shown, in Curves and in Thresholds alike. */
export const SweepSelect = () => {
  const { sweeps, manifest } = useSweep();
  if (manifest === null) return null;
  return (
    <span className="sweep-select">
      <Select
        label="Sweep"
        value={manifest.id}
        options={sweeps.map((run) => ({
          value: run.id,
          label: `${run.title}, ${formatWhen(run.createdAt, new Date())}`,
        }))}
        onChange={(run) => selectionStore.getState().selectRun(run)}
      />
    </span>
  );
};
