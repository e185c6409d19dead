import { expect, test } from 'vitest';
import { pipProgress } from '../../../main/finetune/make-environment.ts';

test.each([
  ['Collecting torch>=2.7 (from -r /here/requirements.txt (line 1))', 'Collecting torch>=2.7'],
  ['  Downloading torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl (539.1 MB)', /^Downloading torch-.*539\.1 MB\)$/],
  ['  Downloading https://me:secret@mirror/simple/numpy-2.4.6.whl (16.9 MB)', 'Downloading numpy-2.4.6.whl (16.9 MB)'],
  ['Processing /opt/wheels/torch-2.13.0.whl (from -r requirements.txt (line 1))', 'Processing torch-2.13.0.whl'],
  ['Installing collected packages: mpmath, sympy, torch', 'Unpacking 3 packages: some minutes without another line'],
])('a line of pip is shown without addresses and folders: %j', (line, shown) => {
  expect(pipProgress(line)).toMatch(shown);
});

test.each([
  'Looking in indexes: https://me:secret@mirror/simple',
  '  Downloading torch-2.15.0.whl.metadata (29 kB)',
  '     ━━━━━━━━━━━━━━━━━━━━ 539.1/539.1 MB 10.7 MB/s eta 0:00:00',
  '    Uninstalling setuptools-65.5.0:',
  '      Successfully uninstalled setuptools-65.5.0',
])('a line of pip that says nothing about progress is left out: %j', (line) => {
  expect(pipProgress(line)).toBeNull();
});
