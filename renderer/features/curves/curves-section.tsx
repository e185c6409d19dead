import { useStore } from 'zustand';
import { useAction } from '../../actions/action.ts';
import { saveReport } from '../../actions/sweep.ts';
import { IconButton } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { Problem } from '../../components/problem.tsx';
import { selectedModel, useFacts } from '../../engine/facts.ts';
import { curvesModes, curvesStore, modeTitle } from '../../state/view-stores.ts';
import { DeltaSlider, SweepSelect } from '../../sweep/sweep-controls.tsx';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { ChartsOfModel, TableOfModel } from './curves-of-tasks.tsx';
import { PlanAxis } from './plan-axis.tsx';
import '../../sweep/sweep.css';

/**
 * The cost of pruning: the difference above the slider, or all tasks over factors or another number, or a table.
 */
export const CurvesSection = () => {
  const { mode, chooseMode } = useStore(curvesStore);
  const { manifest, model, error } = useSweep();
  const selected = selectedModel(useFacts());
  const report = useAction(saveReport);
  return (
    <div className="curves-section">
      <div className="curves-head">
        <SweepSelect />
        {manifest !== null && <DeltaSlider />}
        {manifest !== null && (
          <div className="view-head-end">
            <IconButton
              icon="file"
              label="Save report of the sweep: one HTML page with figures, tables, definitions and manifest"
              disabled={!report.enabled}
              onClick={report.perform}
            />
            <Segmented
              label="Chart below the map"
              value={mode}
              options={curvesModes.map((value) => ({ value, label: modeTitle(value) }))}
              onChange={chooseMode}
            />
          </div>
        )}
      </div>
      {manifest !== null && model === null && selected !== null && (
        <p className="muted">The sweep on screen did not measure {selected.name}.</p>
      )}
      {manifest !== null && manifest.error !== null && (
        <Problem
          error={{
            message: manifest.error,
            remedy: 'Resume the run from the list on the left: finished steps are on disk.',
          }}
        />
      )}
      {error !== null && <Problem error={error} />}
      {mode === 'difference' || manifest === null || model === null ? (
        <PlanAxis />
      ) : mode === 'table' ? (
        <TableOfModel />
      ) : (
        <ChartsOfModel chart={mode} />
      )}
    </div>
  );
};
