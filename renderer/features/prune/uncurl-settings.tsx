import { useStore } from 'zustand';
import { affinityName, routerTreatment } from '../../../main/contract/plan.ts';
import { Checkbox } from '../../components/checkbox.tsx';
import { Definition } from '../../components/definition.tsx';
import { Select } from '../../components/select.tsx';
import { planStore } from '../../state/plan-store.ts';

const inWords = (name: string): string => name.replaceAll('-', ' ');

/** The open choices of UNCURL. */
export const UncurlSettings = () => {
  const { uncurl, chooseUncurl } = useStore(planStore);
  return (
    <>
      <div className="field-row">
        <Select
          stacked
          label={<Definition of="affinity" />}
          value={uncurl.affinity}
          options={affinityName.options.map((value) => ({ value, label: inWords(value) }))}
          onChange={(affinity) => chooseUncurl({ affinity })}
        />
        <Select
          stacked
          label={<Definition of="router" />}
          value={uncurl.router}
          options={routerTreatment.options.map((value) => ({ value, label: inWords(value) }))}
          onChange={(router) => chooseUncurl({ router })}
        />
        <Select
          stacked
          label={<Definition of="reference" />}
          value={uncurl.reference}
          options={[
            { value: 'most-active', label: 'most active' },
            { value: 'medoid', label: 'medoid' },
          ]}
          onChange={(reference) => chooseUncurl({ reference })}
        />
        <Select
          stacked
          label={<Definition of="mergeWeights" />}
          value={uncurl.weights}
          options={[
            { value: 'activation', label: 'activation' },
            { value: 'uniform', label: 'uniform' },
          ]}
          onChange={(weights) => chooseUncurl({ weights })}
        />
      </div>
      <Checkbox checked={uncurl.align} onChange={(align) => chooseUncurl({ align })}>
        <Definition of="align" />
      </Checkbox>
    </>
  );
};
