//! The systems that are updated: two examples as they should be, and as they were found.

use std::path::{Path, PathBuf};

use serde_yaml::Value as Yaml;

use super::load::Outcome;
use super::{Edge, System, Under, written};
use crate::found::example;
use crate::machine::folder;
use crate::programs::Program;
use crate::swarm::{Stack, engine};
use crate::{Failure, Verdict, ensure, updates};

/// What stands before the gateway of primary-backup.
pub(super) const BEFORE_THE_WEBAPP: &str = "resolver 127.0.0.11 valid=1s ipv6=off;
server {
  listen 80;
  location / {
    set $gateway nginx;
    proxy_pass http://$gateway:80;
    proxy_connect_timeout 1s;
    proxy_set_header Host $http_host;
  }
}
";

/// New images, of all three services at once.
pub(super) fn shop() -> Result<Outcome, Failure> {
    let program = program("updates-shop", &example("shop", "")?)?;
    let stacks = ["prod", "coupon", "front"];
    for name in stacks {
        patch(&program, name)?;
    }
    let version = |number: usize| -> Result<Vec<Stack>, Failure> {
        let tag = number.to_string();
        let read = |name: &&str| {
            let file = stack_file(&program, name);
            engine()?.read(&file, &[("IMG_TAG", &tag)])
        };
        stacks.iter().map(read).collect()
    };
    let proxy = std::fs::read_to_string(program.output.join("nginx/conf.d/shop.conf"));
    let proxy = proxy.map_err(|error| error.to_string())?;
    let system = System {
        name: "shop",
        version: Box::new(version),
        updates: &vec![["prod_prod", "coupon_coupon", "front_front"].as_slice(); updates()],
        edge: Edge {
            networks: &["frontend"],
            configuration: &proxy,
            port: 18_080,
        },
    };
    system.updated(Under::OneLoad)
}

/// New images of both pools, another configuration of the gateway, and everything at once; and so on. Then the same
/// again, which is nothing new.
pub(super) fn primary_backup() -> Result<Outcome, Failure> {
    let pools = ["webapp_webapp-real", "webapp_webapp-backup"];
    let all = [pools[0], pools[1], "webapp_nginx"];
    let kinds = [pools.as_slice(), &["webapp_nginx"], &all];
    let updates: Vec<&[&str]> = kinds.into_iter().cycle().take(updates()).collect();
    let version = |number: usize| -> Result<Vec<Stack>, Failure> {
        let done = number - 1;
        let (web, size, nginx) = (done.div_ceil(3) + done / 3, 1 + (done + 1) / 3, done / 3);
        let changes = [
            ("test-web:1.4.2", format!("test-web:1.4.{}", 2 + web)),
            (
                "listen http { port = 80 }",
                format!("listen http {{ port = 80 }}\n  body_size = {size}MiB"),
            ),
            ("nginx:1.28.0", format!("nginx:1.28.{nginx}")),
        ];
        let mut text = example("primary-backup", "")?;
        for (from, to) in &changes {
            ensure(text.contains(from), || format!("the example has no {from}"))?;
            text = text.replace(from, to);
        }
        let program = program("updates-webapp", &text)?;
        patch(&program, "webapp")?;
        Ok(vec![engine()?.read(&stack_file(&program, "webapp"), &[])?])
    };
    let system = System {
        name: "primary-backup",
        version: Box::new(version),
        updates: &updates,
        edge: Edge {
            networks: &["webapp_webnet"],
            configuration: BEFORE_THE_WEBAPP,
            port: 18_081,
        },
    };
    system.updated(Under::OneLoad)
}

/// Programs that end at the signal, and others that keep connections to them: what is on such a connection is lost.
pub(super) fn shop_as_found() -> Result<Outcome, Failure> {
    let stack = |tag: usize, (name, port): (&str, u16)| {
        let apis = if name == "front" {
            r#", PROD_API: "http://prod.api:3001", COUPON_API: "http://coupon.api:3002""#
        } else {
            ""
        };
        let text = format!(
            r#"version: "3.8"
services:
  app:
    image: shop/{name}:{tag}
    environment: {{STOP: at_once{apis}}}
    networks: {{backend: {{aliases: [{name}.api]}}}}
    healthcheck: {{test: [CMD, curl, -f, "http://localhost:{port}/health"], interval: 2s, timeout: 5s, retries: 3, start_period: 10s}}
    deploy:
      mode: replicated
      replicas: 2
      endpoint_mode: dnsrr
      update_config: {{parallelism: 1, order: start-first, failure_action: rollback}}
networks:
  backend: {{external: true, name: backend}}
"#
        );
        written(name, &text, &[])
    };
    let all = [("prod", 3001), ("coupon", 3002), ("front", 8080)];
    let system = System {
        name: "shop",
        version: Box::new(|number| all.iter().map(|each| stack(number, *each)).collect()),
        updates: &[["prod_app", "coupon_app", "front_app"].as_slice(); 3],
        edge: Edge {
            networks: &["backend"],
            configuration: "resolver 127.0.0.11 valid=1s ipv6=off;
server {
  listen 80;
  location / {
    set $front front_app;
    proxy_pass http://$front:8080;
    proxy_connect_timeout 1s;
  }
}
",
            port: 18_080,
        },
    };
    system.updated(Under::LoadUntilLost)
}

/// nginx looked the pools' names up once.
pub(super) fn primary_backup_as_found() -> Result<Outcome, Failure> {
    let version = |number: usize| -> Result<Vec<Stack>, Failure> {
        let text = format!(
            r#"version: "3.8"
services:
  webapp-real:
    image: found/test-web:{number}
    environment: {{LISTEN: "8080"}}
    networks: [net]
    deploy: {{replicas: 3, endpoint_mode: dnsrr, update_config: {{parallelism: 1, delay: 1s}}}}
  webapp-backup:
    image: found/test-web:{number}
    environment: {{LISTEN: "8080"}}
    networks: [net]
    deploy: {{replicas: 2, endpoint_mode: dnsrr}}
networks: {{net: {{driver: overlay, attachable: true}}}}
"#
        );
        Ok(vec![written("found", &text, &[])?])
    };
    let system = System {
        name: "primary-backup",
        version: Box::new(version),
        updates: &[&["found_webapp-real", "found_webapp-backup"]],
        edge: Edge {
            networks: &["found_net"],
            configuration: "upstream app-server {
  least_conn;
  server webapp-real:8080 max_fails=1 fail_timeout=2s;
  server webapp-backup:8080 backup;
}
server {
  listen 80;
  location / {
    proxy_pass http://app-server;
    proxy_set_header Host $http_host;
  }
}
",
            port: 18_081,
        },
    };
    system.updated(Under::LoadUntilLost)
}

pub(super) fn program(name: &str, text: &str) -> Result<Program, String> {
    let source = folder(name).join("app.zd");
    std::fs::write(&source, text).map_err(|error| error.to_string())?;
    let program = Program::new(name.to_owned(), source);
    // A file that was changed by hand is not written over.
    let _ = std::fs::remove_dir_all(&program.output);
    program.build()?;
    Ok(program)
}

pub(super) fn stack_file(program: &Program, stack: &str) -> PathBuf {
    program.output.join(format!("swarm/{stack}.yml"))
}

/// Makes a generated stack file one for a single node without IPVS, and its update quick.
pub(super) fn patch(program: &Program, stack: &str) -> Verdict {
    each_service(&stack_file(program, stack), |service| {
        let deploy = &mut service["deploy"];
        deploy["update_config"]["delay"] = "1s".into();
        deploy["update_config"]["monitor"] = "1s".into();
        deploy["rollback_config"]["monitor"] = "1s".into();
        let image = service["image"].as_str().unwrap_or_default();
        // A gateway keeps the interval in which it finds its pools.
        if !image.starts_with("nginx:") {
            service["healthcheck"]["interval"] = "2s".into();
            // As `shutdown` and `timing` of both examples say.
            service["environment"]["DRAIN"] = "5s".into();
            service["environment"]["POOL_IDLE"] = "1s".into();
        }
    })
}

/// The same of a stack file of what was found, which says less; and what its images hold.
pub(super) fn patch_found(file: &Path, environment: &[(&str, &str)]) -> Verdict {
    each_service(file, |service| {
        let delay = service.get_mut("deploy");
        let delay = delay.and_then(|deploy| deploy.get_mut("update_config")?.get_mut("delay"));
        if let Some(delay) = delay {
            *delay = "1s".into();
        }
        let check = service.get_mut("healthcheck");
        if let Some(interval) = check.and_then(|check| check.get_mut("interval")) {
            *interval = "2s".into();
        }
        let image = service["image"].as_str().unwrap_or_default();
        if image.starts_with("nginx:") {
            service["stop_signal"] = "SIGQUIT".into();
            return;
        }
        for (name, value) in environment {
            service["environment"][*name] = (*value).into();
        }
    })
}

/// Changes each service of a stack file, after what one node without IPVS asks for.
fn each_service(file: &Path, change: impl Fn(&mut Yaml)) -> Verdict {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let mut yaml: Yaml = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    let services = yaml["services"].as_mapping_mut();
    for (_, service) in services.into_iter().flatten() {
        if let Some(service) = service.as_mapping_mut() {
            service.remove("ports");
        }
        service["deploy"]["endpoint_mode"] = "dnsrr".into();
        change(service);
    }
    let text = serde_yaml::to_string(&yaml).map_err(|error| error.to_string())?;
    std::fs::write(file, text).map_err(|error| Failure::Wrong(error.to_string()))
}
