import { useStore } from 'zustand';
import type { CallOutput } from '../../../main/contract/calls.ts';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { exportStore } from '../../state/export-store.ts';
import { exportSource } from './export-source.ts';
import type { ExportSource } from './export-source.ts';

export interface ExportPlan {
  readonly source: ExportSource | null;
  readonly made: CallOutput<'plan.make'> | undefined;
  readonly error: SerialisedError | null;
}

/** The plan that the Export view would write. */
export const useExportPlan = (): ExportPlan => {
  const facts = useFacts();
  const point = useStore(exportStore, (state) => state.point);
  const source = exportSource(facts, { point });
  const made = useQuery('plan.make', source?.call === 'plan.make' ? source.input : null);
  const measured = useQuery('sweep.plan', source?.call === 'sweep.plan' ? source.input : null);
  const read = useQuery('plan.import', source?.call === 'plan.import' ? source.input : null);
  const { data, error } = source?.call === 'sweep.plan' ? measured : source?.call === 'plan.import' ? read : made;
  return { source, made: data, error };
};
