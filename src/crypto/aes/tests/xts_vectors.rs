//! XTS vectors of IEEE 1619-2007 (annex B) and of NIST's XTSVS samples (XTSGenAES128/256).

/// One data unit. `index` is the tweak as the standard prints it: the sector index, little-endian,
/// cut or padded with zeros to 16 bytes.
#[derive(Debug)]
pub(super) struct Vector {
    pub key: &'static str,
    pub index: &'static str,
    pub plaintext: &'static str,
    pub ciphertext: &'static str,
}

/// Key of the data-unit vectors 15 to 18: the ones with ciphertext stealing.
const STEALING_KEY: &str = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0 bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0";

pub(super) const IEEE_1619: &[Vector] = &[
    // Vectors 1 to 3.
    Vector {
        key: "00000000000000000000000000000000 00000000000000000000000000000000",
        index: "00",
        plaintext: "0000000000000000000000000000000000000000000000000000000000000000",
        ciphertext: "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e",
    },
    Vector {
        key: "11111111111111111111111111111111 22222222222222222222222222222222",
        index: "3333333333",
        plaintext: "4444444444444444444444444444444444444444444444444444444444444444",
        ciphertext: "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0",
    },
    Vector {
        key: "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0 22222222222222222222222222222222",
        index: "3333333333",
        plaintext: "4444444444444444444444444444444444444444444444444444444444444444",
        ciphertext: "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89",
    },
    // Vectors 15 to 18.
    Vector {
        key: STEALING_KEY,
        index: "9a78563412",
        plaintext: "000102030405060708090a0b0c0d0e0f10",
        ciphertext: "6c1625db4671522d3d7599601de7ca09ed",
    },
    Vector {
        key: STEALING_KEY,
        index: "9a78563412",
        plaintext: "000102030405060708090a0b0c0d0e0f1011",
        ciphertext: "d069444b7a7e0cab09e24447d24deb1fedbf",
    },
    Vector {
        key: STEALING_KEY,
        index: "9a78563412",
        plaintext: "000102030405060708090a0b0c0d0e0f101112",
        ciphertext: "e5df1351c0544ba1350b3363cd8ef4beedbf9d",
    },
    Vector {
        key: STEALING_KEY,
        index: "9a78563412",
        plaintext: "000102030405060708090a0b0c0d0e0f10111213",
        ciphertext: "9d84c813f719aa2c7be3f66171c7c5c2edbf9dac",
    },
];

/// Vector 4: one 512-byte sector. Its plaintext is the bytes 0 to 255, twice.
pub(super) const IEEE_1619_SECTOR: &[Vector] = &[Vector {
    key: "27182818284590452353602874713526 31415926535897932384626433832795",
    index: "00",
    plaintext: "",
    ciphertext: "
        27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89c
        c78cf7f5e543445f8333d8fa7f56000005279fa5d8b5e4ad40e736ddb4d35412
        328063fd2aab53e5ea1e0a9f332500a5df9487d07a5c92cc512c8866c7e860ce
        93fdf166a24912b422976146ae20ce846bb7dc9ba94a767aaef20c0d61ad0265
        5ea92dc4c4e41a8952c651d33174be51a10c421110e6d81588ede82103a252d8
        a750e8768defffed9122810aaeb99f9172af82b604dc4b8e51bcb08235a6f434
        1332e4ca60482a4ba1a03b3e65008fc5da76b70bf1690db4eae29c5f1badd03c
        5ccf2a55d705ddcd86d449511ceb7ec30bf12b1fa35b913f9f747a8afd1b130e
        94bff94effd01a91735ca1726acd0b197c4e5b03393697e126826fb6bbde8ecc
        1e08298516e2c9ed03ff3c1b7860f6de76d4cecd94c8119855ef5297ca67e9f3
        e7ff72b1e99785ca0a7e7720c5b36dc6d72cac9574c8cbbc2f801e23e56fd344
        b07f22154beba0f08ce8891e643ed995c94d9a69c9f1b5f499027a78572aeebd
        74d20cc39881c213ee770b1010e4bea718846977ae119f7a023ab58cca0ad752
        afe656bb3c17256a9f6e9bf19fdd5a38fc82bbe872c5539edb609ef4f79c203e
        bb140f2e583cb2ad15b4aa5b655016a8449277dbd477ef2c8d6c017db738b18d
        eb4a427d1923ce3ff262735779a418f20a282df920147beabe421ee5319d0568",
}];

pub(super) const NIST: &[Vector] = &[
    // XTSGenAES128, counts 1 to 3.
    Vector {
        key: "a1b90cba3f06ac353b2c343876081762 090923026e91771815f29dab01932f2f",
        index: "4faef7117cda59c66e4b92013e768ad5",
        plaintext: "ebabce95b14d3c8d6fb350390790311c",
        ciphertext: "778ae8b43cb98d5a825081d5be471c63",
    },
    Vector {
        key: "8f59462c1327fd6411cb6b02c04bf0a1 29f145c276a38693c745de3118c90a2f",
        index: "f2b86793b29e730e4a627b6ee161706c",
        plaintext: "f7049f8aa312aeb1ab99ad11a1d7a720",
        ciphertext: "e59fca86c3c906f3df67418636a28767",
    },
    Vector {
        key: "e4eb402fae4395ff08e1280b0cd4d356 e7a1e8c28aad13b9a6fef8b88ccd2e84",
        index: "b611ff70e6653cb68b14354f2b3cba74",
        plaintext: "132097c5236eddea183235ba1e7b50f9",
        ciphertext: "268160fa57392906007199d45e988e56",
    },
    // XTSGenAES256, count 1 of the 256-bit data units.
    Vector {
        key: "1ea661c58d943a0e4801e42f4b0947149e7f9f8e3e68d0c7505210bd311a0e7c
              d6e13ffdf2418d8d1911c004cda58da3d619b7e2b9141e58318eea392cf41b08",
        index: "adf8d92627464ad2f0428e84a9f87564",
        plaintext: "2eedea52cd8215e1acc647e810bbc3642e87287f8d2e57e36c0a24fbc12a202e",
        ciphertext: "cbaad0e2f6cea3f50b37f934d46a9b130b9d54f07e34f36af793e86f73c6d7db",
    },
];
