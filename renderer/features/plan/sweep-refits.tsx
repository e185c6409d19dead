import { useStore } from 'zustand';
import { refitName } from '../../../main/contract/plan.ts';
import type { RefitName } from '../../../main/contract/plan.ts';
import { Checkbox } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { sweepStore } from '../../state/sweep-store.ts';

const terms: Readonly<Record<RefitName, { readonly label: string; readonly of: DefinitionName }>> = {
  experts: { label: 'experts', of: 'refitExperts' },
  router: { label: 'router', of: 'refitRouter' },
  'router+experts': { label: 'router, then experts', of: 'refitRouterAndExperts' },
};

/** Chooses the refits of the recovery; each adds a curve. */
export const SweepRefits = () => {
  const { refits, toggleRefit } = useStore(sweepStore);
  return (
    <div className="choice-row" role="group" aria-label="What the recovery refits">
      {refitName.options.map((refit) => (
        <Checkbox key={refit} checked={refits.includes(refit)} onChange={() => toggleRefit(refit)}>
          <Definition of={terms[refit].of}>{terms[refit].label}</Definition>
        </Checkbox>
      ))}
    </div>
  );
};
