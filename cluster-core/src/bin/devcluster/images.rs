//! `devcluster image`: builds images with the host's Docker, brings them into the nodes, shows what is there.

use crate::arguments::{BuildArguments, Common, ImageVerb};
use crate::commands::print;
use crate::show::{self, Table};
use anyhow::{Context, Result, bail, ensure};
use cluster_launcher::{Launcher, LoadReport};
use std::path::Path;
use tokio::fs::File;
use tokio::io::AsyncRead;
use tokio::process::Command;
use tokio_util::io::ReaderStream;

pub(crate) async fn run(launcher: &Launcher, common: &Common, cluster: &str, verb: ImageVerb) -> Result<()> {
    match verb {
        ImageVerb::Build(arguments) => {
            // Told before a build that may take long: there is no such cluster, or it does not run.
            launcher.list_images(cluster).await?;
            let image = build(arguments).await?;
            print(common, &launcher.load_images(cluster, &[image]).await?, |reports| show_reports(reports))
        }
        ImageVerb::Load { images } => {
            let (archives, images): (Vec<_>, _) =
                images.into_iter().partition(|image| image == "-" || Path::new(image).is_file());
            let mut reports = launcher.load_images(cluster, &images).await?;
            for path in archives {
                let archive: Box<dyn AsyncRead + Send + Unpin> = if path == "-" {
                    Box::new(tokio::io::stdin())
                } else {
                    Box::new(File::open(&path).await.with_context(|| format!("failed to read `{path}`"))?)
                };
                reports.extend(launcher.load_archive(cluster, ReaderStream::new(archive)).await?);
            }
            print(common, &reports, |reports| show_reports(reports))
        }
        ImageVerb::List => {
            let images = launcher.list_images(cluster).await?;
            print(common, &images, |images| {
                let mut table = Table::new(["IMAGE", "ID", "SIZE", "NODES"]);
                for image in images {
                    table.row([&image.name, &image.id, &image.size, &image.nodes.join(",")]);
                }
                table.print();
            })
        }
    }
}

fn show_reports(reports: &[LoadReport]) {
    for report in reports {
        let (loaded, skipped) = (report.loaded.len(), report.skipped.len());
        show::line(&format!("{}: loaded into {loaded} nodes, {skipped} had it", report.image));
    }
    if reports.iter().any(|report| is_latest(&report.image)) {
        show::note(
            "pods pull what is tagged `latest`, though nodes have it, unless their `imagePullPolicy` is `IfNotPresent`",
        );
    }
}

fn is_latest(image: &str) -> bool {
    image.ends_with(":latest") || !image.rsplit('/').next().is_some_and(|name| name.contains([':', '@']))
}

/// Lets Docker's own command build, which knows contexts, `.dockerignore`, caches and how to show its progress; the image's
/// name.
async fn build(arguments: BuildArguments) -> Result<String> {
    let BuildArguments { path, tag, file, more } = arguments;
    let folder = path.canonicalize().ok();
    let Some(image) = tag.or_else(|| named_after(&folder?)) else {
        bail!("`{}` is no folder that an image could be named after: name it with --tag", path.display());
    };
    let mut command = Command::new("docker");
    command.args(["build", "--tag", &image]);
    command.args(file.iter().flat_map(|file| ["--file".as_ref(), file.as_os_str()]));
    command.args(more).arg(path);
    // The engine in which the nodes run, whichever other one is chosen; its words are no part of the answer.
    command.env("DOCKER_CONTEXT", "default").env("BUILDX_BUILDER", "default").stdout(std::io::stderr());
    let built = command.kill_on_drop(true).status().await;
    let built = built.context("images are built by Docker's command line: failed to run `docker`")?;
    ensure!(built.success(), "`docker build` failed; what it said stands above");
    Ok(image)
}

/// The name of an image of a folder. Not `latest`, which kubelets pull although they have it.
fn named_after(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_string_lossy().to_lowercase();
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    (!name.is_empty()).then(|| format!("{name}:dev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        for (image, expected) in [("a", true), ("r:5000/a", true), ("a:latest", true), ("r:5000/a:1", false)] {
            assert_eq!(is_latest(image), expected, "{image}");
        }
    }

    #[test]
    fn an_image_without_a_name_has_that_of_its_folder() {
        let table = [("/src/Shop", Some("shop:dev")), ("/my_app (2)", Some("my-app-2:dev")), ("/_", None), ("/", None)];
        for (folder, expected) in table {
            assert_eq!(named_after(Path::new(folder)).as_deref(), expected, "{folder}");
        }
    }
}
