package keepalived

// verdict is what to say of a directive that is not converted.
type verdict struct {
	kind Kind
	why  string
	do   string
}

func lost(why, do string) verdict    { return verdict{Lost, why, do} }
func unneeded(why string) verdict    { return verdict{Unneeded, why, ""} }
func changed(why, do string) verdict { return verdict{Changed, why, do} }

// verdicts makes a table of directives that share a verdict.
func verdicts(tables ...map[string]verdict) map[string]verdict {
	all := map[string]verdict{}
	for _, t := range tables {
		for name, v := range t {
			all[name] = v
		}
	}
	return all
}

func all(v verdict, names ...string) map[string]verdict {
	t := map[string]verdict{}
	for _, name := range names {
		t[name] = v
	}
	return t
}

var (
	balancer   = lost("Stead does not balance load", "use haproxy, nginx or ipvsadm, and let Stead move the address")
	internals  = unneeded("it is about keepalived's own processes and files")
	addressing = lost("Stead holds no addresses, routes or rules that do not move", "put them into the configuration of the network")
	bfd        = lost("no check is made of it", "write a check by BFD, in each group that follows it: bfd: ADDRESS, with interval and multiplier")
	snmp       = lost("Stead has no SNMP", "read /metrics instead")
	dbus       = lost("Stead has no D-Bus interface", "read stead status --json or stead events --follow --json instead")
	firewall   = unneeded("Stead's own fence does what keepalived needs a firewall for")
	announced  = unneeded("Stead announces at 0, 5, 20 and 100 ms, 1 and 5 s after a change, and when another active router was seen")
	fifo       = lost("Stead writes to no FIFO", "read stead events --follow --json, or use notify: webhooks")
	buffers    = unneeded("Stead sizes its socket buffers by itself")
	runsOnce   = lost("Stead runs no programs when it starts and ends", "use ExecStartPre= and ExecStopPost= of the service")
)

// rootVerdicts are of blocks and directives outside of blocks.
var rootVerdicts = verdicts(
	all(balancer, "virtual_server", "virtual_server_group", "SSL"),
	all(addressing, "static_ipaddress", "static_routes", "static_rules", "track_group"),
	all(bfd, "bfd_instance"),
	all(lost("the time between gratuitous ARP messages is Stead's own", "nothing, unless a switch drops them"), "garp_group"),
	all(unneeded("Stead is told of the carrier by the kernel"), "linkbeat_use_polling", "linkbeat_interfaces"),
	all(lost("Stead runs in the namespace that it is started in", "start it with ip netns exec NAME stead run"), "net_namespace", "net_namespace_ipvs"),
	all(internals, "use_pid_dir", "instance", "child_wait_time", "namespace_with_ipsets"),
)

// globalVerdicts are of global_defs.
var globalVerdicts = verdicts(
	all(internals, "process_names", "process_name", "vrrp_process_name", "checker_process_name", "lvs_process_name", "bfd_process_name",
		"tmp_config_directory", "config_save_dir", "umask", "random_seed", "reload_check_config", "reload_time_file", "reload_repeat", "reload_file",
		"include_check", "data_use_instance", "json_version", "state_dump_file", "stats_dump_file", "json_dump_file", "state_file_location",
		"stats_file_location", "json_file_location", "iproute_usr_dir", "iproute_etc_dir", "vmac_prefix", "vmac_addr_prefix",
		"vrrp_priority", "vrrp_rlimit_rttime", "vrrp_rlimit_rtime", "max_auto_priority", "min_auto_priority_delay",
		"fifo_write_vrrp_states_on_reload", "use_symlink_paths", "log_unknown_vrids", "vrrp_owner_ignore_adverts"),
	all(unneeded("Stead locks its memory by itself"), "vrrp_no_swap"),
	all(lost("Stead binds to no processor", "use CPUAffinity= of the service"), "vrrp_cpu_affinity"),
	all(balancer, "lvs_sync_daemon", "lvs_timeouts", "lvs_flush", "lvs_flush_on_stop", "lvs_flush_onstop", "lvs_notify_fifo", "lvs_notify_fifo_script",
		"checker_priority", "checker_no_swap", "checker_rt_priority", "checker_cpu_affinity", "checker_rlimit_rttime", "checker_rlimit_rtime",
		"checker_log_all_failures", "smtp_alert_checker", "rs_init_notifies", "no_checker_emails", "lvs_netlink_cmd_rcv_bufs",
		"lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force",
		"snmp_vs_stats_update_interval", "snmp_rs_stats_update_interval", "nftables_ipvs", "nftables_ipvs_priority", "nftables_ipvs_start_fwmark"),
	all(internals, "bfd_priority", "bfd_no_swap", "bfd_rt_priority", "bfd_cpu_affinity", "bfd_rlimit_rttime", "bfd_rlimit_rtime"),
	all(snmp, "snmp_socket", "enable_traps", "enable_snmp_vrrp", "enable_snmp_keepalived", "enable_snmp_checker", "enable_snmp_rfc",
		"enable_snmp_rfcv2", "enable_snmp_rfcv3"),
	all(dbus, "enable_dbus", "dbus_service_name", "dbus_no_interface_name"),
	all(firewall, "nftables", "nftables_priority", "nftables_ifindex", "nftables_counters", "vrrp_iptables", "vrrp_ipsets", "disable_local_igmp"),
	all(announced, "vrrp_garp_master_delay", "vrrp_garp_master_repeat", "vrrp_garp_master_refresh_repeat", "vrrp_garp_lower_prio_delay",
		"vrrp_garp_lower_prio_repeat", "vrrp_garp_interval", "vrrp_gna_interval", "vrrp_min_garp", "vrrp_garp_extra_if", "vrrp_vmac_garp_intvl"),
	all(fifo, "notify_fifo", "notify_fifo_script", "vrrp_notify_fifo", "vrrp_notify_fifo_script", "vrrp_notify_priority_changes"),
	all(buffers, "vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs_force",
		"process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force", "vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier"),
	all(runsOnce, "startup_script", "startup_script_timeout", "shutdown_script", "shutdown_script_timeout"),
	all(unneeded("Stead follows interfaces that come and go"), "dynamic_interfaces"),
	all(unneeded("Stead counts advertisements that name other addresses, and takes them"), "vrrp_skip_check_adv_addr"),
	all(unneeded("Stead takes unicast advertisements from its peers only"), "vrrp_check_unicast_src"),
	all(lost("Stead waits after its own start, not after that of the machine", "use start_delay of the group"), "vrrp_delay_after_boot"),
	all(lost("Stead answers an advertisement of lower priority at once, as RFC 9568 asks", "nothing, unless the others are disturbed by it"), "vrrp_lower_prio_no_advert"),
	all(unneeded("Stead announces again when it has seen another active router"), "vrrp_higher_prio_send_advert"),
	all(unneeded("Stead refuses programs that everybody could replace, and runs checks and hooks as the user that they name"), "enable_script_security"),
	all(lost("a program gets the groups of its user", "nothing, if those are enough"), "set_supplementary_groups"),
)

// instanceVerdicts are of vrrp_instance.
var instanceVerdicts = verdicts(
	all(announced, "garp_master_delay", "garp_master_repeat", "garp_master_refresh_repeat", "garp_lower_prio_delay", "garp_lower_prio_repeat",
		"garp_extra_if", "vmac_garp_intvl"),
	all(lost("Stead moves no routes", "use hooks: activate and standby with ip route"), "virtual_routes"),
	all(lost("Stead moves no rules", "use hooks: activate and standby with ip rule"), "virtual_rules"),
	all(lost("no check is made of it, so the group does not follow it", "write a check by BFD: bfd: ADDRESS, with interval and multiplier"), "track_bfd"),
	all(unneeded("Stead counts as not ready while it may not use the source address"), "track_src_ip"),
	all(unneeded("Stead takes unicast advertisements from its peers only"), "check_unicast_src"),
	all(unneeded("Stead does not fall back to multicast"), "unicast_fault_no_peer"),
	all(changed("Stead computes the checksum of a unicast advertisement as the RFC does", "update keepalived on the others if it is older than 1.4"), "old_unicast_checksum"),
	all(unneeded("the family is that of the addresses"), "native_ipv6"),
	all(unneeded("an instance without addresses needs no word for it"), "no_virtual_ipaddress"),
	all(unneeded("Stead adds its addresses so that none depends on another"), "promote_secondaries"),
	all(unneeded("Stead is told of the carrier by the kernel"), "linkbeat_use_polling"),
	all(unneeded("Stead counts advertisements that name other addresses, and takes them"), "skip_check_adv_addr"),
	all(unneeded("it has no meaning in keepalived either"), "debug"),
	all(unneeded("a Stead that was late stops answering by itself, and looks for the others before it goes on"), "timer_expired_backup", "thread_timer_expired"),
	all(lost("Stead answers an advertisement of lower priority at once, as RFC 9568 asks", "nothing, unless the others are disturbed by it"), "lower_prio_no_advert"),
	all(unneeded("Stead announces again when it has seen another active router"), "higher_prio_send_advert"),
	all(unneeded("a router with priority 255 yields to nobody"), "owner_ignore_adverts"),
	all(buffers, "kernel_rx_buf_size"),
	all(fifo, "notify_priority_changes"),
	all(lost("no hook runs when an advertisement of lower priority comes", "read stead events --follow"), "notify_master_rx_lower_pri"),
	all(lost("no hook of its own runs when a group is removed by a reload", "hooks: stop runs when the daemon ends"), "notify_deleted"),
	all(balancer, "lvs_sync_daemon_interface"),
	all(lost("Stead has no VRF of its own for a group", "start it with ip vrf exec NAME stead run"), "vrf"),
	all(lost("Stead has virtual MAC addresses on the group's own interface only", "give the addresses a group of their own there"), "use_vmac_addr"),
	all(lost("Stead makes no ipvlan", "leave it off, or use virtual_mac: true"), "use_ipvlan"),
	all(lost("Stead is not ready while the carrier of an interface with its addresses is down", "nothing, if that is what you want"), "dont_track_primary"),
)

// syncVerdicts are of vrrp_sync_group.
var syncVerdicts = verdicts(
	all(fifo, "notify_priority_changes"),
	all(lost("no check is made of it, so the groups do not follow it", "write a check by BFD in each: bfd: ADDRESS, with interval and multiplier"), "track_bfd"),
)

// addressVerdicts are of what stands behind an address, with how many words follow.
var addressVerdicts = map[string]struct {
	verdict
	words int
}{
	"brd":           {unneeded("an address with a prefix needs no broadcast address to be reached"), 1},
	"broadcast":     {unneeded("an address with a prefix needs no broadcast address to be reached"), 1},
	"label":         {changed("an address of Stead has no label", "look for the address, not for the label, in what reads it"), 1},
	"peer":          {lost("Stead sets no peer address", "use the address with its prefix"), 1},
	"home":          {lost("Stead does not set this flag", ""), 0},
	"mngtmpaddr":    {lost("Stead does not set this flag", ""), 0},
	"autojoin":      {lost("Stead does not set this flag", ""), 0},
	"-nodad":        {unneeded("Stead never lets duplicate address detection delay an address"), 0},
	"noprefixroute": {changed("Stead adds the route of the prefix with the address", "write /32 or /128 for an address without"), 0},
	"no_track":      {changed("Stead puts an address back that somebody has removed", ""), 0},
	"use_vmac":      {lost("Stead has virtual MAC addresses on the group's own interface only", "give the address a group of its own"), 0},
}
