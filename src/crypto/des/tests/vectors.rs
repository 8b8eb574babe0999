//! NIST SP 800-17, table 3 (substitution table) and the first rows of tables 1 and 2 (variable
//! plaintext, variable key); FIPS 81, tables B1 and C1; NIST SP 800-67, appendix B; NIST CAVP,
//! TDES multi-block message test for CBC with three keys (TCBCMMT3).

/// One operation over whole blocks. `iv` is empty for ECB.
#[derive(Debug)]
pub(super) struct Vector {
    pub key: &'static str,
    pub iv: &'static str,
    pub plaintext: &'static str,
    pub ciphertext: &'static str,
}

const fn ecb(key: &'static str, plaintext: &'static str, ciphertext: &'static str) -> Vector {
    Vector { key, iv: "", plaintext, ciphertext }
}

/// Key with the parity bits only.
const ZERO: &str = "0101010101010101";

pub(super) const VARIABLE: &[Vector] = &[
    ecb(ZERO, "8000000000000000", "95f8a5e5dd31d900"),
    ecb(ZERO, "4000000000000000", "dd7f121ca5015619"),
    ecb(ZERO, "2000000000000000", "2e8653104f3834ea"),
    ecb(ZERO, "1000000000000000", "4bd388ff6cd81d4f"),
    ecb(ZERO, "0800000000000000", "20b9e767b2fb1456"),
    ecb(ZERO, "0400000000000000", "55579380d77138ef"),
    ecb(ZERO, "0200000000000000", "6cc5defaaf04512f"),
    ecb(ZERO, "0100000000000000", "0d9f279ba5d87260"),
    ecb("8001010101010101", "0000000000000000", "95a8d72813daa94d"),
    ecb("4001010101010101", "0000000000000000", "0eec1487dd8c26d5"),
    ecb("2001010101010101", "0000000000000000", "7ad16ffb79c45926"),
    ecb("1001010101010101", "0000000000000000", "d3746294ca6a6cf3"),
];

pub(super) const SUBSTITUTION: &[Vector] = &[
    ecb("7ca110454a1a6e57", "01a1d6d039776742", "690f5b0d9a26939b"),
    ecb("0131d9619dc1376e", "5cd54ca83def57da", "7a389d10354bd271"),
    ecb("07a1133e4a0b2686", "0248d43806f67172", "868ebb51cab4599a"),
    ecb("3849674c2602319e", "51454b582ddf440a", "7178876e01f19b2a"),
    ecb("04b915ba43feb5b6", "42fd443059577fa2", "af37fb421f8c4095"),
    ecb("0113b970fd34f2ce", "059b5e0851cf143a", "86a560f10ec6d85b"),
    ecb("0170f175468fb5e6", "0756d8e0774761d2", "0cd3da020021dc09"),
    ecb("43297fad38e373fe", "762514b829bf486a", "ea676b2cb7db2b7a"),
    ecb("07a7137045da2a16", "3bdd119049372802", "dfd64a815caf1a0f"),
    ecb("04689104c2fd3b2f", "26955f6835af609a", "5c513c9c4886c088"),
    ecb("37d06bb516cb7546", "164d5e404f275232", "0a2aeeae3ff4ab77"),
    ecb("1f08260d1ac2465e", "6b056e18759f5cca", "ef1bf03e5dfa575a"),
    ecb("584023641aba6176", "004bd6ef09176062", "88bf0db6d70dee56"),
    ecb("025816164629b007", "480d39006ee762f2", "a1f9915541020b56"),
    ecb("49793ebc79b3258f", "437540c8698f3cfa", "6fbf1cafcffd0556"),
    ecb("4fb05e1515ab73a7", "072d43a077075292", "2f22e49bab7ca1ac"),
    ecb("49e95d6d4ca229bf", "02fe55778117f12a", "5a6b612cc26cce4a"),
    ecb("018310dc409b26d6", "1d9d5c5018f728c2", "5f4c038ed12b2e41"),
    ecb("1c587f1c13924fef", "305532286d6f295a", "63fac0d034d9f793"),
];

/// "Now is the time for all ".
const NOW: &str = "4e6f772069732074 68652074696d6520 666f7220616c6c20";

pub(super) const MODES: &[Vector] = &[
    ecb("0123456789abcdef", NOW, "3fa40e8a984d4815 6a271787ab8883f9 893d51ec4b563b53"),
    Vector {
        key: "0123456789abcdef",
        iv: "1234567890abcdef",
        plaintext: NOW,
        ciphertext: "e5c7cdde872bf27c 43e934008c389c0f 683788499a7c05f6",
    },
    // "The qufck brown fox jump", as it is printed.
    ecb(
        "0123456789abcdef 23456789abcdef01 456789abcdef0123",
        "5468652071756663 6b2062726f776e20 666f78206a756d70",
        "a826fd8ce53b855f cce21c8112256fe6 68d5c05dd9b6b900",
    ),
];

pub(super) const TCBCMMT3: &[Vector] = &[
    Vector {
        key: "b5cb1504802326c7 3df186e3e352a20d e643b0d63ee30e37",
        iv: "43f791134c5647ba",
        plaintext: "dcc153cef81d6f24",
        ciphertext: "92538bd8af18d3ba",
    },
    Vector {
        key: "a49d7564199e97cb 529d2c9d97bf2f98 d35edf57ba1f7358",
        iv: "c2e999cb6249023c",
        plaintext: "c689aee38a301bb316da75db36f110b5",
        ciphertext: "e9afaba5ec75ea1bbe65506655bb4ecb",
    },
    Vector {
        key: "d98aadc76d4a3716 158c32866efbb9ce 834af2297379a49d",
        iv: "3c5220327c502b44",
        plaintext: "6174079dda53ca723ebf00a66837f8d5ce648c08acaa5ee45ffe62210ef79d3e",
        ciphertext: "f5bd4d600bed77bec78409e3530ebda1d815506ed53103015b87e371ae000958",
    },
    Vector {
        key: "9b162a0df8ad9b61 c88676e3d5864345 70b902f12a2046e0",
        iv: "ebd6fefe029ad54b",
        plaintext: "
            f4c1c918e77355c8156f0fd778da52bff121ae5f2f44eaf4d2754946d0e10d1f
            18ce3a0176e69c18b7d20b6e0d0bee5eb5edfe4bd60e4d92adcd86bce72e76f9
            4ee5cbcaa8b01cfddcea2ade575e66ac",
        ciphertext: "
            1ff3c8709f403a8eff291aedf50c010df5c5ff64a8b205f1fce68564798897a3
            90db16ee0d053856b75898009731da290fcc119dad987277aacef694872e880c
            4bb41471063fae05c89f25e4bd0cad6a",
    },
    Vector {
        key: "5b1cce7c0dc1ec49 130dfb4af45785ab 9179e567f2c7d549",
        iv: "3982bc02c3727d45",
        plaintext: "edae09288e9e3bc05746d872b48e3b29",
        ciphertext: "6006f10adef52991fcc777a1238bbb65",
    },
    Vector {
        key: "34e68f58ecc71f4a d504e0b6e085a7c7 1c9bd38610737949",
        iv: "dfee6ce5d36b2c3d",
        plaintext: "
            fb5c4ad0525832b2d3594981b920c65c1029ddfa054d271c
            5a99a853f4b6de5d6da41d8bdc2c7ede",
        ciphertext: "
            374ec363fa84e7e7e2ae011427b79d5852923557452c5282
            7c9ff4eb92a83457075b28954015070f",
    },
];
