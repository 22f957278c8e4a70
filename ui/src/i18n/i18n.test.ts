import { describe, expect, it } from 'vitest';
import { type Catalogue, pickLanguage, translator } from '.';
import { de } from './de';
import { en } from './en';
import { es } from './es';
import { ja } from './ja';
import { zh } from './zh';

const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe.each(Object.entries({ de, es, zh, ja }))('the catalogue %s', (_language, catalogue: Catalogue) => {
  it('takes the same values in every message as the English one', () => {
    const different = (Object.keys(en) as (keyof typeof en)[]).filter(
      (key) => names(en[key]).join() !== names(catalogue[key]).join(),
    );
    expect(different).toEqual([]);
  });

  it('leaves no message empty', () => {
    expect(Object.entries(catalogue).filter(([, text]) => text.trim() === '')).toEqual([]);
  });
});

it.each([
  [['de-AT', 'en'], 'de'],
  [['fr', 'es-MX'], 'es'],
  [['zh-Hans-CN'], 'zh'],
  [['fr'], 'en'],
])('of the languages %j the page takes %s', (wanted, language) => {
  expect(pickLanguage(wanted)).toBe(language);
});

it('tells ages in the largest unit that fits', () => {
  const { ago } = translator('en', en);
  expect(ago(Date.now() - 90_000)).toBe('1m ago');
  expect(ago(Date.now() - 3 * 86_400_000)).toBe('3d ago');
});
