//! Images from the host's engine to the nodes' engines.

use crate::exec::Running;
use crate::prelude::*;
use futures::Stream;
use futures::future::join_all;
use tokio::io::AsyncWriteExt;

const LOAD: [&str; 3] = ["docker", "load", "--quiet"];

/// Where one image is.
#[derive(Debug, Clone, Serialize)]
pub struct ImageInfo {
    /// `REPOSITORY:TAG`.
    pub name: String,
    /// The start of its id.
    pub id: String,
    /// Its size as Docker writes it.
    pub size: String,
    /// The nodes that have it.
    pub nodes: Vec<String>,
}

/// What a load did with one image.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// The image.
    pub image: String,
    /// The nodes that got it now.
    pub loaded: Vec<String>,
    /// The nodes that had it.
    pub skipped: Vec<String>,
}

impl Launcher {
    /// Streams images of the host's engine into every node that does not have them, all nodes at once.
    pub fn load_images<'a>(&'a self, cluster: &'a str, images: &'a [String]) -> BoxFuture<'a, Result<Vec<LoadReport>>> {
        Box::pin(async move {
            let record = self.state.require(cluster)?;
            let nodes: Vec<&str> = record.spec.nodes.iter().map(|node| node.name.as_str()).collect();
            let mut steps = Steps::new(self);
            let mut reports = Vec::new();
            for image in images {
                reports.push(steps.run(&format!("Loading {image}"), self.load_image(image, &nodes)).await?);
            }
            Ok(reports)
        })
    }

    /// Streams an archive of `docker save` into every node at once; tells of each image in it.
    pub fn load_archive<'a>(
        &'a self,
        cluster: &'a str,
        archive: impl Stream<Item = std::io::Result<Bytes>> + Send + 'a,
    ) -> BoxFuture<'a, Result<Vec<LoadReport>>> {
        Box::pin(async move {
            let record = self.state.require(cluster)?;
            let nodes: Vec<String> = record.spec.nodes.into_iter().map(|node| node.name).collect();
            let archive = archive.map(|chunk| chunk.map_err(Error::file("read", "the archive".as_ref())));
            let told = Steps::new(self).run("Loading the archive", self.broadcast(archive, &nodes)).await?;
            let images = told.lines().filter_map(|line| line.split_once(": ").map(|(_, image)| image.to_owned()));
            Ok(images.map(|image| LoadReport { image, loaded: nodes.clone(), skipped: Vec::new() }).collect())
        })
    }

    async fn load_image(&self, image: &str, nodes: &[&str]) -> Result<LoadReport> {
        let inspected = self.docker.inspect_image(image).await.if_there(format!("look for the image `{image}`"))?;
        let absent = || format!("the Docker engine has no image `{image}`; `docker image ls` shows what it has");
        let id = inspected.ok_or_else(|| Error::Invalid(absent()))?.id.unwrap_or_default();
        let has = join_all(nodes.iter().map(|node| self.has_image(node, image, &id))).await;
        let (with, without): (Vec<_>, Vec<_>) = nodes.iter().zip(has).partition(|(_, has)| *has);
        let names = |nodes: &[(&&str, bool)]| nodes.iter().map(|(name, _)| (**name).to_owned()).collect::<Vec<_>>();
        let report = LoadReport { image: image.to_owned(), loaded: names(&without), skipped: names(&with) };
        if !report.loaded.is_empty() {
            let export = self.docker.export_images(&[image]);
            let export = export.map(|chunk| chunk.doing(format!("read the image `{image}`")));
            self.broadcast(export, &report.loaded).await?;
        }
        Ok(report)
    }

    async fn has_image(&self, node: &str, image: &str, id: &str) -> bool {
        let command = ["docker", "image", "inspect", "--format", "{{.Id}}", image];
        self.output(node, &command).await.is_ok_and(|present| present == id)
    }

    /// One archive feeds all nodes; the slowest sets the pace. Gives what the first node says of it.
    async fn broadcast(&self, archive: impl Stream<Item = Result<Bytes>>, nodes: &[String]) -> Result<String> {
        let mut loads: Vec<Running> = all(nodes.iter().map(|node| self.start_command(node, &LOAD, false))).await?;
        let mut archive = std::pin::pin!(archive);
        while let Some(chunk) = archive.next().await {
            let chunk = chunk?;
            let writes = loads.iter_mut().map(|load| load.input.write_all(&chunk));
            // A node that cannot take more says why below.
            if join_all(writes).await.iter().any(std::result::Result::is_err) {
                break;
            }
        }
        all(nodes.iter().zip(loads).map(|(node, load)| self.finish(node, &LOAD, load)))
            .await
            .map(|mut told| told.swap_remove(0))
    }

    /// The images of all nodes.
    pub fn list_images<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<Vec<ImageInfo>>> {
        Box::pin(async move {
            let record = self.state.require(cluster)?;
            let command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}\t{{.ID}}\t{{.Size}}"];
            let lists = all(record.spec.nodes.iter().map(|node| self.output(&node.name, &command))).await?;
            let mut images: BTreeMap<String, ImageInfo> = BTreeMap::new();
            for (node, list) in record.spec.nodes.iter().zip(lists) {
                for line in list.lines() {
                    let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
                    let Ok([name, id, size]) = <[String; 3]>::try_from(fields) else { continue };
                    let image = || ImageInfo { name, id, size, nodes: Vec::new() };
                    images.entry(line.to_owned()).or_insert_with(image).nodes.push(node.name.clone());
                }
            }
            Ok(images.into_values().collect())
        })
    }
}
