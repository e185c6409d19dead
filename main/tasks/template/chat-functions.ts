import { isDict, Missing, Namespace, type PythonList, type PythonValue } from '../python/python-value.ts';
import { TemplateFault, TemplateRaised } from './template-fault.ts';
import { meteredText, type Scope, type WorkMeter } from './work-meter.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const two = (value: number): string => String(value).padStart(2, '0');

/** Python's strftime in local time and English, for the directives that chat templates use. */
const formatTime = (time: Date, form: string): string =>
  form.replace(/%(-?)(.?)/gs, (whole: string, dash: string, sign: string) => {
    const hour = time.getHours() % 12 === 0 ? 12 : time.getHours() % 12;
    const numbers: ReadonlyMap<string, number> = new Map([
      ['d', time.getDate()],
      ['m', time.getMonth() + 1],
      ['H', time.getHours()],
      ['I', hour],
      ['M', time.getMinutes()],
      ['S', time.getSeconds()],
      ['y', time.getFullYear() % 100],
    ]);
    const number = numbers.get(sign);
    if (number !== undefined) return dash === '-' ? String(number) : two(number);
    const texts: ReadonlyMap<string, string> = new Map([
      ['Y', String(time.getFullYear())],
      ['A', DAYS[time.getDay()] ?? ''],
      ['a', (DAYS[time.getDay()] ?? '').slice(0, 3)],
      ['B', MONTHS[time.getMonth()] ?? ''],
      ['b', (MONTHS[time.getMonth()] ?? '').slice(0, 3)],
      ['p', time.getHours() < 12 ? 'AM' : 'PM'],
      ['%', '%'],
    ]);
    const text = dash === '' ? texts.get(sign) : undefined;
    if (text === undefined)
      throw new TemplateFault(
        `the directive ${whole} of strftime_now() is not supported`,
        'Use %Y, %m, %d, %B, %b, %A, %a, %H, %I, %M, %S, %p or %y.',
      );
    return text;
  });

const namespace = ([first, ...more]: PythonList, named: ReadonlyMap<string, PythonValue>): Namespace => {
  if (more.length > 0 || (first !== undefined && !isDict(first)))
    throw new TemplateFault('namespace() takes one dict at most', 'Name its members.');
  const made = new Namespace();
  for (const [name, value] of [...(first !== undefined && isDict(first) ? first : []), ...named])
    made.members.set(memberName(name), value);
  return made;
};

/** transformers refuses namespace names with an underscore. */
export const memberName = (name: string): string => {
  if (name.startsWith('_')) throw new TemplateFault(`a namespace has no member "${name}"`, 'Rename it.');
  return name;
};

/** Calls a macro, or a function that transformers gives to chat templates; throws a TemplateFault for anything else. */
export const callFunction = (
  name: string,
  values: PythonList,
  named: ReadonlyMap<string, PythonValue>,
  scope: Scope,
  meter: WorkMeter,
): PythonValue => {
  const macro = scope.macro(name);
  if (macro !== undefined) return macro(values, named);
  const [first] = values;
  switch (name) {
    case 'namespace':
      return namespace(values, named);
    case 'dict':
      if (values.length > 0) throw new TemplateFault('dict() takes names only', 'Write the dict out.');
      return new Map(named);
    case 'raise_exception':
      throw new TemplateRaised(first === undefined || first instanceof Missing ? '' : meteredText(first, meter));
    case 'strftime_now':
      if (typeof first !== 'string')
        throw new TemplateFault('strftime_now() needs a text', 'Give the form of the date.');
      if (scope.environment.now === null)
        throw new TemplateFault('strftime_now() is not supported', 'Write the date out.');
      return formatTime(scope.environment.now(), first);
    default:
      throw new TemplateFault(
        `the function ${name}() is not supported`,
        'Chat templates here have range, namespace, dict, raise_exception, strftime_now and their own macros.',
      );
  }
};
