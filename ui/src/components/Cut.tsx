import { useI18n } from '../i18n';

/** Says that of so many objects only the first were looked at: what is told of them is not all. */
export function Cut({ kind, objects, total }: { kind: string; objects: readonly unknown[]; total: number }) {
  const { t, number } = useI18n();
  if (total <= objects.length) return null;
  return (
    <p className="note warn" role="status">
      {t('cut', { kind, count: number(objects.length), total: number(total) })}
    </p>
  );
}
