import { panels } from '../panels/messages/ja';
import type { Catalogue } from '.';

export const ja: Catalogue = {
  ...panels,
  copy: 'コピー',
  copied: 'コピーしました',
  retry: '再試行',
  'health.ok': '正常',
  'health.warn': '要注意',
  'health.bad': '異常',
  'health.done': '完了',
  'session.closed.title': 'このページには新しいリンクが必要です',
  'session.closed.text': 'ダッシュボードは一度だけ使えるリンクで開きます。次のコマンドで新しいリンクを開きます：',
  'session.unreachable.title': 'エージェントが応答しません',
  'session.unreachable.text': 'バックグラウンドで動作し、このページを提供します。次のコマンドで再起動できます：',
  'failure.title': 'ページのこの部分でエラーが発生しました',
};
