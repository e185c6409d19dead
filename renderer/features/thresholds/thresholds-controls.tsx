import { useStore } from 'zustand';
import { saveReport } from '../../actions/save-report.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { thresholdsStore } from '../../state/thresholds-store.ts';
import { DeltaSlider } from '../curves/delta-slider.tsx';
import { SweepSelect } from '../curves/sweep-select.tsx';

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
