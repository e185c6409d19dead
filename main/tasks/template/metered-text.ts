import { pythonText } from '../python/python-text.ts';
import { isDict, isList, type PythonValue } from '../python/python-value.ts';
import type { WorkMeter } from './work-meter.ts';

/** str() of a value, whose length is paid for before it is built. */
export const meteredText = (value: PythonValue, meter: WorkMeter): string => {
  spendOn(value, meter);
  return pythonText(value);
};

const spendOn = (value: PythonValue, meter: WorkMeter): void => {
  if (typeof value === 'string') meter.spend(value.length);
  else if (isList(value)) for (const member of value) spendOn(member, meter);
  else if (isDict(value)) {
    for (const [key, member] of value) {
      meter.spend(key.length);
      spendOn(member, meter);
    }
  }
  meter.spend(4);
};
