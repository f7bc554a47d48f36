-- phpMyAdmin SQL Dump
-- version 5.2.1
-- https://www.phpmyadmin.net/
--
-- Host: localhost:3306
-- Generation Time: Nov 01, 2026 at 10:14 AM
-- Server version: 10.11.19-MariaDB
-- PHP Version: 8.2.12

SET SQL_MODE = "NO_AUTO_VALUE_ON_ZERO";
START TRANSACTION;
SET time_zone = "+00:00";


/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;

--
-- Database: `wordpress`
--
CREATE DATABASE IF NOT EXISTS `wordpress` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE `wordpress`;

DELIMITER $$
--
-- Procedures
--
CREATE DEFINER=`root`@`localhost` PROCEDURE `wp_tidy` ()   BEGIN
  START TRANSACTION;
  INSERT INTO wp_pollsip SELECT * FROM wp_2_pollsip WHERE 1=0;
END$$

DELIMITER ;

-- --------------------------------------------------------

--
-- Table structure for table `wp_pollsa`
--

CREATE TABLE IF NOT EXISTS `wp_pollsa` (
  `polla_aid` int(10) NOT NULL,
  `polla_qid` int(10) NOT NULL DEFAULT 0,
  `polla_answers` varchar(200) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT '',
  `polla_votes` int(10) NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;

--
-- Dumping data for table `wp_pollsa`
--

INSERT INTO `wp_pollsa` (`polla_aid`, `polla_qid`, `polla_answers`, `polla_votes`) VALUES
(1, 1, 'Egypt &#x1f1ea;&#x1f1ec;', 3),
(2, 1, 'It''s a "draw"; honestly -- really', 2),
(3, 1, 'Neither),(5,''x'',9); \\o/', 1),
(4, 1, 'Line one\nline two &amp; <strong>bold</strong>', 1),
(5, 2, 'القاهرة', 4);
INSERT INTO `wp_pollsa` (`polla_aid`, `polla_qid`, `polla_answers`, `polla_votes`) VALUES
(6, 2, 'إسطنبول', 3),
(7, 2, 'Köln', 2),
(8, 3, 'Yes', 0),
(9, 3, 'No', 0),
(10, 4, 'Mourn', 120),
(11, 4, 'Celebrate', 180);

-- --------------------------------------------------------

--
-- Table structure for table `wp_pollsip`
--

CREATE TABLE IF NOT EXISTS `wp_pollsip` (
  `pollip_id` int(10) NOT NULL,
  `pollip_qid` int(10) NOT NULL DEFAULT 0,
  `pollip_aid` int(10) NOT NULL DEFAULT 0,
  `pollip_ip` varchar(100) NOT NULL DEFAULT '',
  `pollip_host` varchar(200) NOT NULL DEFAULT '',
  `pollip_timestamp` int(10) NOT NULL DEFAULT 0,
  `pollip_user` tinytext NOT NULL,
  `pollip_userid` int(10) NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;

--
-- Dumping data for table `wp_pollsip`
--

INSERT INTO `wp_pollsip` (`pollip_id`, `pollip_qid`, `pollip_aid`, `pollip_ip`, `pollip_host`, `pollip_timestamp`, `pollip_user`, `pollip_userid`) VALUES
(1, 1, 1, '192.0.2.1', 'host.example', 1709985900, 'Guest', 0),
(2, 1, 1, '192.0.2.1', 'host.example', 1709985900, 'Guest', 0),
(3, 1, 2, '192.0.2.2', 'host.example', 1709985961, 'it''s \\ me; really', 3),
(4, 2, 5, '198.51.100.7', 'host.example', 1709985905, 'قارئ 😀', 9),
(5, 2, 6, '198.51.100.7', 'host.example', 1709985905, 'قارئ 😀', 9);
INSERT INTO `wp_pollsip` (`pollip_id`, `pollip_qid`, `pollip_aid`, `pollip_ip`, `pollip_host`, `pollip_timestamp`, `pollip_user`, `pollip_userid`) VALUES
(6, 1, 3, '2001:db8::1', 'host.example', 1710041400, 'a),(b', 0),
(7, 2, 5, '203.0.113.5', 'host.example', 1709985905, 'Guest', 0),
(8, 2, 6, '203.0.113.5', 'host.example', 1709985905, 'Guest', 0),
(9, 2, 7, '203.0.113.5', 'host.example', 1709985905, 'Guest', 0),
(10, 1, 1, '203.0.113.9', 'host.example', 1710158400, 'new\nline', 0),
(11, 1, 2, '203.0.113.10', 'host.example', 1710158400, 'Guest', 0),
(12, 1, 4, '203.0.113.11', 'host.example', 1710158400, 'Guest', 0),
(13, 2, 5, '198.51.100.8', 'host.example', 1710158400, 'Guest', 0);

-- --------------------------------------------------------

--
-- Table structure for table `wp_pollsq`
--

CREATE TABLE IF NOT EXISTS `wp_pollsq` (
  `pollq_id` int(10) NOT NULL,
  `pollq_question` varchar(200) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT '',
  `pollq_timestamp` varchar(20) NOT NULL DEFAULT '',
  `pollq_totalvotes` int(10) NOT NULL DEFAULT 0,
  `pollq_active` tinyint(1) NOT NULL DEFAULT 1,
  `pollq_expiry` int(10) NOT NULL DEFAULT 0,
  `pollq_multiple` tinyint(3) NOT NULL DEFAULT 0,
  `pollq_totalvoters` int(10) NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;

--
-- Dumping data for table `wp_pollsq`
--

INSERT INTO `wp_pollsq` (`pollq_id`, `pollq_question`, `pollq_timestamp`, `pollq_totalvotes`, `pollq_active`, `pollq_expiry`, `pollq_multiple`, `pollq_totalvoters`) VALUES
(1, 'Who won the <em>final</em>?', '1709985600', 7, 1, 0, 0, 7),
(2, 'أي المدن تزور؟ (اختر اثنتين)', '1709985600', 9, 1, 1719858600, 2, 6),
(3, 'Will it rain on Sunday?', '1893484800', 0, -1, 1894089600, 0, 0),
(4, 'Mourn or celebrate?', '1557047700', 300, 0, 1559726100, 0, 300);

--
-- Indexes for dumped tables
--

--
-- Indexes for table `wp_pollsa`
--
ALTER TABLE `wp_pollsa`
  ADD PRIMARY KEY (`polla_aid`);
COMMIT;

/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
