import type { tour as english } from './en';

export const tour: Record<keyof typeof english, string> = {
  tour: 'ガイド付きツアー',
  'tour.page': 'サンプルのページ',
  'tour.offer': 'Kubernetes は初めてですか？ここで動くものを使った 6 つの短い案内です。',
  'tour.start': '案内を始める',
  'tour.next': '次へ',
  'tour.back': '戻る',
  'tour.end': '案内を終える',
  'tour.here': 'ここで動いているもの：',
  'tour.nothing': 'まだありません',
  'tour.list': 'すべて見る',
  'tour.pod': 'Pod：動くもの',
  'tour.pod.text':
    'Pod は生死を共にする 1 つ以上のコンテナーです。アドレスを共有し、ファイルも共有できます。ノードに置かれる最小の単位です。',
  'tour.pod.try': '試しに：Pod を削除して、代わりが現れる様子を見てください。',
  'tour.replicaset': 'ReplicaSet：いくつ動かすか',
  'tour.replicaset.text': 'ReplicaSet は同じ Pod の数を保ちます。減れば作り、多ければ減らします。',
  'tour.replicaset.try': '試しに：1 つ開いて、属する Pod を見てください。',
  'tour.deployment': 'Deployment：どの版か',
  'tour.deployment.text':
    'Deployment は途切れなく版を切り替えます。新しい ReplicaSet が増え、古いものが減ります。古い版も覚えているので戻せます。',
  'tour.deployment.try': '試しに：スケールするか、再起動してロールアウトを見てください。',
  'tour.service': 'Service：1 つのアドレス',
  'tour.service.text':
    'Pod は入れ替わりますが、Service のアドレスは変わりません。DNS に名前を持ち、準備のできた Pod に接続を渡します。',
  'tour.service.try': '試しに：1 つ開いて、応答しているものを見てください。',
  'tour.configmap': 'ConfigMap：設定',
  'tour.configmap.text':
    'ConfigMap は設定をイメージから切り離します。Pod にはファイルのフォルダーとして見え、ここでは編集がすぐにコンテナーへ届きます。',
  'tour.configmap.try': '試しに：挨拶を変えて、サンプルのページを再読み込みしてください。',
  'tour.volume': 'ボリューム：残るもの',
  'tour.volume.text':
    'コンテナーのファイルはコンテナーと共に消えます。ボリュームはコンテナーより長く残ります。サンプルの front Pod はそれぞれ pictures というボリュームを持ち、2 つのコンテナーで共有しています。クレームは Pod より長く残る領域を求め、それ以上の大きさのボリュームが割り当てられます。',
  'tour.volume.try': '試しに：クレームを作成して、どのボリュームになるか見てください。',
};
