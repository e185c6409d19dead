import { expect, it } from 'vitest';
import { isAllowedExternal } from '../../electron/navigation.ts';

it.each([
  'https://arxiv.org/abs/2409.01483',
  'https://github.com/',
  'https://huggingface.co/mistralai',
  'https://doi.org/10.1',
  'https://ARXIV.org',
])('opens %s in the browser', (address) => {
  expect(isAllowedExternal(address)).toBe(true);
});

it.each([
  'http://arxiv.org/',
  'https://arxiv.org.evil.example/',
  'https://evil.example/arxiv.org',
  'https://arxiv.org@evil.example/',
  'https://user@arxiv.org/',
  'https://arxiv.org:8443/',
  'https://gist.github.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'uncurl://app/',
  'smb://github.com/x',
  'arxiv.org',
  '',
])('does not open %s', (address) => {
  expect(isAllowedExternal(address)).toBe(false);
});
