import type { BudgetName, SuperExpertProtection } from '../../../main/contract/plan.ts';
import { Definition } from '../../components/definition.tsx';
import { Select } from '../../components/select.tsx';

const words: Readonly<Record<BudgetName, string>> = {
  uniform: 'uniform',
  global: 'global',
  'inverse-importance': 'inverse importance',
  manual: 'by hand',
};

interface BudgetSelectProps<B extends BudgetName> {
  readonly value: B;
  readonly of: readonly B[];
  readonly disabled?: boolean;
  readonly onChange: (budget: B) => void;
}

export const BudgetSelect = <B extends BudgetName>({ value, of, disabled = false, onChange }: BudgetSelectProps<B>) => (
  <Select
    stacked
    label={<Definition of="budget" />}
    value={value}
    disabled={disabled}
    options={of.map((budget) => ({ value: budget, label: words[budget] }))}
    onChange={onChange}
  />
);

interface ProtectSelectProps {
  readonly value: SuperExpertProtection;
  readonly onChange: (protect: SuperExpertProtection) => void;
}

export const ProtectSelect = ({ value, onChange }: ProtectSelectProps) => (
  <Select
    stacked
    label={<Definition of="protect" />}
    value={value}
    options={[
      { value: 'none', label: 'not protected' },
      { value: 'early', label: 'stay in early layers' },
      { value: 'all', label: 'stay in all layers' },
    ]}
    onChange={onChange}
  />
);
