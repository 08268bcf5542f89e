//! The link against a real Mosquitto, and against brokers that misbehave.

#![allow(clippy::unwrap_used, reason = "tests")]

mod broker;

use std::{
    collections::BTreeSet,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use broker::{
    A_WHILE, Broker, SOON, assert_nothing_comes, config, connected, everything, free_port, next, next_text,
    reached,
};
use mqtt::{Link, MqttError, Publisher, QoS, State, TooLong};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};

const SALES: &str = "taizhang/v1/scale-7/sales";

async fn publish(publisher: &Publisher, body: &str) {
    publisher.publish(SALES, body, QoS::AtLeastOnce, false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_again_after_a_crash_until_it_is_acknowledged() {
    let Some(broker) = Broker::start() else { return };
    let (link, mut incoming) = broker.server();
    connected(&link).await;
    let device = broker.device("scale-7");
    publish(&device.publisher(), "one").await;
    publish(&device.publisher(), "two").await;

    let (text, one) = next_text(&mut incoming).await;
    assert_eq!((text.as_str(), one.topic.as_str(), one.duplicate, one.retain), ("one", SALES, false, false));
    let (text, _two) = next_text(&mut incoming).await;
    assert_eq!(text, "two");
    one.ack.done();
    link.close().await;

    let (link, mut incoming) = broker.server();
    let (text, two) = next_text(&mut incoming).await;
    assert_eq!((text.as_str(), two.duplicate), ("two", true));
    assert_nothing_comes(&mut incoming).await;
    drop((link, two));

    let (link, mut incoming) = broker.server();
    let (text, two) = next_text(&mut incoming).await;
    assert_eq!(text, "two");
    two.ack.done();
    link.close().await;

    let (link, mut incoming) = broker.server();
    connected(&link).await;
    assert_nothing_comes(&mut incoming).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_does_not_reach_a_later_connection() {
    let Some(broker) = Broker::start() else { return };
    let (link, mut incoming) = broker.server();
    connected(&link).await;
    publish(&broker.device("scale-7").publisher(), "one").await;

    let first = next(&mut incoming).await;
    link.redeliver().await.unwrap();
    let second = next(&mut incoming).await;
    assert!(second.duplicate);
    first.ack.done();
    link.redeliver().await.unwrap();
    let third = next(&mut incoming).await;
    third.ack.done();
    link.close().await;

    let (link, mut incoming) = broker.server();
    connected(&link).await;
    assert_nothing_comes(&mut incoming).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_broker_restarts_under_load() {
    const COUNT: usize = 2_000;
    let Some(mut broker) = Broker::start() else { return };
    let (link, mut incoming) = broker.server();
    connected(&link).await;
    let mut states = link.state();
    states.mark_unchanged();
    let device = broker.device("scale-7");

    let mut sending = JoinSet::new();
    for number in 0..COUNT {
        let publisher = device.publisher();
        sending.spawn(async move { publish(&publisher, &number.to_string()).await });
    }
    let mut seen = BTreeSet::new();
    let mut restarts = 0;
    while seen.len() < COUNT {
        let (text, message) = next_text(&mut incoming).await;
        seen.insert(text.parse::<usize>().unwrap());
        message.ack.done();
        if restarts < 2 && seen.len() > COUNT / 4 * (restarts + 1) {
            assert!(!sending.is_empty(), "publishes are in flight");
            restarts += 1;
            broker = tokio::task::spawn_blocking(move || {
                broker.restart(Duration::from_millis(300));
                broker
            })
            .await
            .unwrap();
        }
    }
    while let Some(sent) = sending.join_next().await {
        sent.unwrap();
    }
    assert_eq!(restarts, 2);
    assert!(states.has_changed().unwrap(), "the link noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_reaches_those_who_come_later() {
    let Some(broker) = Broker::start() else { return };
    let device = broker.device("scale-7");
    let publisher = device.publisher();
    publisher.publish("taizhang/v1/scale-7/state", "up", QoS::AtLeastOnce, true).await.unwrap();

    let (link, mut incoming) = broker.server();
    let (text, message) = next_text(&mut incoming).await;
    assert_eq!((text.as_str(), message.retain), ("up", true));
    message.ack.done();
    link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_named_as_the_reason() {
    let Some(broker) = guarded_broker() else { return };
    let mut wrong = broker.config("server");
    wrong.username = Some("server".to_owned());
    wrong.password = Some("guess".to_owned());
    let (link, _incoming) = Link::connect(&wrong, everything()).unwrap();
    let mut state = link.state();
    let down = reached(&mut state, |state| matches!(state, State::Disconnected { .. })).await;
    assert_eq!(down, State::Disconnected { reason: MqttError::Unauthorized { code: "not authorized" } });
    link.close().await;
    assert_eq!(*state.borrow(), State::Disconnected { reason: MqttError::Closed });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_list_keeps_a_device_from_publishing_for_another() {
    let Some(broker) = guarded_broker() else { return };
    let link_as = |name: &str, subscriptions| {
        let mut config = broker.config(name);
        config.username = Some(name.to_owned());
        config.password = Some(format!("{name}-secret"));
        Link::connect(&config, subscriptions).unwrap()
    };
    let (server, mut incoming) = link_as("server", everything());
    connected(&server).await;
    let (device, _) = link_as("scale-7", Vec::new());
    let publisher = device.publisher();
    publisher.publish("taizhang/v1/scale-8/sales", "forged", QoS::AtLeastOnce, false).await.unwrap();
    publish(&publisher, "own").await;

    let (text, message) = next_text(&mut incoming).await;
    assert_eq!((text.as_str(), message.topic.as_str()), ("own", SALES));
    assert_nothing_comes(&mut incoming).await;
}

/// A broker with a password file (the password of `x` is `x-secret`) and an access list.
fn guarded_broker() -> Option<Broker> {
    Broker::start_with(|folder| {
        let passwords = folder.join("passwords");
        for (place, name) in ["server", "scale-7", "scale-8"].into_iter().enumerate() {
            let written = Command::new("mosquitto_passwd")
                .args(if place == 0 { &["-c", "-b"][..] } else { &["-b"] })
                .arg(&passwords)
                .args([name, &format!("{name}-secret")])
                .status()
                .unwrap();
            assert!(written.success());
        }
        let rules = folder.join("access");
        fs::write(&rules, "user server\ntopic read taizhang/#\n\npattern write taizhang/v1/%u/#\n").unwrap();
        format!("password_file {}\nacl_file {}\n", passwords.display(), rules.display())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_pass_once_with_an_acknowledgement_each() {
    const COUNT: usize = 1_000;
    let Some(broker) = Broker::start() else { return };
    let (link, mut incoming) = broker.server();
    connected(&link).await;
    let device = broker.device("scale-7");
    connected(&device).await;

    let begun = Instant::now();
    let publisher = device.publisher();
    let sending = tokio::spawn(async move {
        let mut flights = JoinSet::new();
        for number in 0..COUNT {
            if flights.len() == 64 {
                flights.join_next().await;
            }
            let publisher = publisher.clone();
            let body = format!("{{\"number\":{number},\"grams\":512,\"pad\":\"{}\"}}", "x".repeat(160));
            flights.spawn(async move { publish(&publisher, &body).await });
        }
        flights.join_all().await
    });
    let mut numbers = BTreeSet::new();
    for _ in 0..COUNT {
        let (text, message) = next_text(&mut incoming).await;
        let number = text["{\"number\":".len()..].split(',').next().unwrap().parse::<usize>().unwrap();
        assert!(numbers.insert(number) && !message.duplicate);
        message.ack.done();
    }
    let elapsed = begun.elapsed();
    sending.await.unwrap();
    link.close().await;
    eprintln!("{COUNT} messages in {elapsed:?}: {:.0} a second", COUNT as f64 / elapsed.as_secs_f64());
    assert!(elapsed < SOON);

    let (link, mut incoming) = broker.server();
    connected(&link).await;
    assert_nothing_comes(&mut incoming).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_keep_an_idle_connection() {
    let Some(broker) = Broker::start() else { return };
    let mut config = broker.config("server");
    config.keep_alive_s = 1;
    let (link, mut incoming) = Link::connect(&config, everything()).unwrap();
    connected(&link).await;
    let mut state = link.state();
    state.mark_unchanged();
    sleep(Duration::from_secs(5)).await;
    assert!(!state.has_changed().unwrap(), "{:?}", *state.borrow());
    publish(&link.publisher(), "to myself").await;
    assert_eq!(next_text(&mut incoming).await.0, "to myself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_receiver_holds_the_link_up_without_breaking_it() {
    let Some(broker) = Broker::start() else { return };
    let mut config = broker.config("server");
    config.keep_alive_s = 1;
    config.incoming_max = 1;
    let (link, mut incoming) = Link::connect(&config, everything()).unwrap();
    connected(&link).await;
    let mut state = link.state();
    state.mark_unchanged();
    let device = broker.device("scale-7");
    for number in 0..50 {
        publish(&device.publisher(), &number.to_string()).await;
    }
    sleep(Duration::from_secs(4)).await;
    for number in 0..50 {
        let (text, message) = next_text(&mut incoming).await;
        assert_eq!(text, number.to_string());
        message.ack.done();
    }
    assert!(!state.has_changed().unwrap(), "{:?}", *state.borrow());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_reported_and_does_not_stand_in_the_way() {
    let Some(broker) = Broker::start() else { return };
    let mut config = broker.config("server");
    config.payload_bytes_max = 1_000;
    config.topic_bytes_max = 40;
    let (link, mut incoming) = Link::connect(&config, everything()).unwrap();
    connected(&link).await;
    let too_long = "x".repeat(1_001);
    let refused = link.publisher().publish(SALES, too_long.as_str(), QoS::AtLeastOnce, false).await;
    assert_eq!(refused, Err(MqttError::TooLong { what: "a payload", bytes: 1_001, bytes_max: 1_000 }));

    let mut generous = broker.config("scale-7");
    generous.payload_bytes_max = 4_000_000;
    let (device, _) = Link::connect(&generous, Vec::new()).unwrap();
    let publisher = device.publisher();
    publish(&publisher, &too_long).await;
    publish(&publisher, &"y".repeat(3_000_000)).await;
    let topic = format!("taizhang/v1/{}", "\u{79e4}".repeat(10));
    publisher.publish(&topic, "short", QoS::AtLeastOnce, false).await.unwrap();
    publish(&publisher, "fits").await;

    for bytes in [1_001, 3_000_000] {
        let message = next(&mut incoming).await;
        assert_eq!(message.payload, Err(TooLong::Payload { bytes, bytes_max: 1_000 }));
        assert_eq!(message.topic, SALES);
        message.ack.done();
    }
    let message = next(&mut incoming).await;
    assert_eq!(message.payload, Err(TooLong::Topic { bytes: 42, bytes_max: 40 }));
    assert_eq!(message.topic, topic[..39]);
    message.ack.done();
    let (text, message) = next_text(&mut incoming).await;
    assert_eq!(text, "fits");
    message.ack.done();
    link.close().await;

    let (link, mut incoming) = broker.server();
    connected(&link).await;
    assert_nothing_comes(&mut incoming).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_links_with_one_client_id_drive_each_other_out_ever_more_slowly() {
    let Some(broker) = Broker::start() else { return };
    let (one, _incoming) = broker.server();
    let (_two, _incoming_too) = broker.server();
    let mut state = one.state();
    let mut changes = 0;
    let count = async {
        while state.changed().await.is_ok() {
            changes += 1;
        }
    };
    assert!(timeout(Duration::from_secs(4), count).await.is_err());
    assert!((3..40).contains(&changes), "{changes} changes of state in 4 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_publishes_fail_in_time_and_closing_does_not_wait() {
    let mut config = config(free_port(), "scale-7");
    config.publish_timeout_s = 1;
    let (link, _) = Link::connect(&config, Vec::new()).unwrap();
    let mut state = link.state();
    let publisher = link.publisher();
    let down = reached(&mut state, |state| matches!(state, State::Disconnected { .. })).await;
    assert!(matches!(down, State::Disconnected { reason: MqttError::Unreachable { .. } }), "{down:?}");

    let topic = SALES.to_owned();
    let forgotten = publisher.publish(SALES, "0", QoS::AtMostOnce, false).await;
    assert_eq!(forgotten, Err(MqttError::NotConnected { topic: topic.clone() }));
    let waited = publisher.publish(SALES, "1", QoS::AtLeastOnce, false).await;
    assert_eq!(waited, Err(MqttError::Unacknowledged { topic, waited_s: 1 }));
    for topic in ["", "a/+", "#", "a\0"] {
        let refused = publisher.publish(topic, "", QoS::AtLeastOnce, false).await;
        assert!(matches!(refused, Err(MqttError::Topic { .. })), "{topic:?}");
    }
    let begun = Instant::now();
    link.close().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(publisher.publish(SALES, "2", QoS::AtLeastOnce, false).await, Err(MqttError::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(listener.local_addr().unwrap().port(), "scale-7");
    config.keep_alive_s = 1;
    let (link, _) = Link::connect(&config, Vec::new()).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    let mut state = link.state();
    connected(&link).await;
    let down = reached(&mut state, |state| matches!(state, State::Disconnected { .. })).await;
    let State::Disconnected { reason } = down else { panic!("{down:?}") };
    assert!(matches!(reason, MqttError::Silent { expected: "pingresp", .. }), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_was_cut_off_is_sent_again_as_a_duplicate() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap().port(), "scale-7");
    let (link, _) = Link::connect(&config, Vec::new()).unwrap();
    let publisher = link.publisher();
    let sending = tokio::spawn(async move { publish(&publisher, "one").await });
    let mut packets = Vec::new();
    for session_present in [0, 1, 0] {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[0x20, 2, session_present, 0]).await.unwrap();
        let mut bytes = vec![0; 256];
        let mut length = 0;
        while !bytes[..length].ends_with(b"one") {
            length += stream.read(&mut bytes[length..]).await.unwrap();
        }
        let publish = bytes[..length].windows(2).position(|pair| pair[1] == 32 && pair[0] >> 4 == 3).unwrap();
        packets.push(bytes[publish..length].to_vec());
        if packets.len() == 3 {
            assert!(!sending.is_finished());
            let id = packets[0].len() - 5;
            stream.write_all(&[0x40, 2, packets[0][id], packets[0][id + 1]]).await.unwrap();
            timeout(SOON, sending).await.unwrap().unwrap();
            break;
        }
    }
    assert_eq!([packets[0][0], packets[1][0], packets[2][0]], [0x32, 0x3a, 0x32]);
    assert!(packets.iter().all(|packet| packet[1..] == packets[0][1..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_puback_is_on_the_wire_before_the_caller_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap().port(), "server");
    let (_link, mut incoming) = Link::connect(&config, Vec::new()).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = [0; 256];
    assert!(stream.read(&mut bytes).await.unwrap() > 0, "connect");
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    stream.write_all(&[0x32, 5, 0, 1, b'a', 0, 7, 0x32, 5, 0, 1, b'a', 0, 8]).await.unwrap();

    let (seven, eight) = (next(&mut incoming).await, next(&mut incoming).await);
    assert!(timeout(A_WHILE, stream.read(&mut bytes)).await.is_err(), "nothing is sent unasked");
    drop(seven);
    eight.ack.done();
    let length = timeout(SOON, stream.read(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(bytes[..length], [0x40, 2, 0, 8]);
    assert!(timeout(A_WHILE, stream.read(&mut bytes)).await.is_err(), "a dropped ack stays unsent");
}
