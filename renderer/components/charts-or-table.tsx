import { Segmented } from './segmented.tsx';

interface ChartsOrTableProps {
  readonly asTable: boolean;
  readonly onChange: (asTable: boolean) => void;
}

/** Whether a view shows charts or the numbers behind them. */
export const ChartsOrTable = ({ asTable, onChange }: ChartsOrTableProps) => (
  <Segmented
    label="Charts or table"
    value={asTable ? 'table' : 'charts'}
    options={[
      { value: 'charts', label: 'Charts' },
      { value: 'table', label: 'Table' },
    ]}
    onChange={(value) => onChange(value === 'table')}
  />
);
