import { useStore } from 'zustand';
import type { SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { useAction } from '../../actions/action.ts';
import { saveReport } from '../../actions/sweep.ts';
import { Button } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatCount, formatFixed, formatRange } from '../../../main/words/numbers.ts';
import { thresholdsStore } from '../../state/view-stores.ts';
import { DeltaSlider, SweepSelect } from '../../sweep/sweep-controls.tsx';

/** The definition of a threshold with its numbers of items; readable without hovering. */
export const RuleBox = ({ sizeTrend }: { readonly sizeTrend: SizeTrendDocument }) => (
  <section className="rule-box" aria-label="How a threshold is defined">
    <div>
      <h3>How a threshold is defined</h3>
      <p className="rule-numbers">
        <span>
          <Definition of="delta">δ</Definition> <strong>{formatFixed(sizeTrend.delta, 3)}</strong>
        </span>
        {sizeTrend.thresholds.length > 0 && (
          <span>
            <Definition of="items">n</Definition> <strong>{formatRange(sizeTrend.thresholds.map(({ n }) => n))}</strong>
          </span>
        )}
        <span>
          <Definition of="cannotTell">needs n ≥</Definition> <strong>{formatCount(sizeTrend.needed.items)}</strong>
        </span>
      </p>
    </div>
    <p>{sizeTrend.rule}</p>
  </section>
);

export const ThresholdsControls = () => {
  const { asTable, showTable } = useStore(thresholdsStore);
  const report = useAction(saveReport);
  return (
    <div className="view-head">
      <SweepSelect />
      <DeltaSlider />
      <div className="view-head-end">
        <Button
          look="quiet"
          className="button-small"
          icon="file"
          disabled={!report.enabled}
          title="One HTML page with figures, tables, definitions and manifest"
          onClick={report.perform}
        >
          Save report
        </Button>
        <Segmented
          label="Charts or tables"
          value={asTable ? 'table' : 'charts'}
          options={[
            { value: 'charts', label: 'Charts' },
            { value: 'table', label: 'Tables' },
          ]}
          onChange={(value) => showTable(value === 'table')}
        />
      </div>
    </div>
  );
};
