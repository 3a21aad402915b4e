using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Mica.Cli.Rendering;
using Mica.Engine;
using Mica.Runtime;

namespace Mica.Cli.Containers;

/// <summary>A container as docker's <c>inspect</c> shows it.</summary>
internal static class ContainerDocument
{
    private const string NoTime = "0001-01-01T00:00:00Z";

    /// <param name="container">The container.</param>
    /// <param name="size">The bytes that it changed and those of its image; null: not asked for.</param>
    public static byte[] Of(Container container, (long Own, long Image)? size)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            Write(writer, container, size);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, Container container, (long Own, long Image)? size)
    {
        ContainerDefinition definition = container.Definition;
        writer.WriteStartObject();
        writer.WriteString("Id"u8, container.Id);
        writer.WriteString("Created"u8, HumanTime.Rfc3339Nano(container.Created));
        writer.WriteString("Path"u8, definition.Arguments.FirstOrDefault(""));
        Strings(writer, "Args", definition.Arguments.Skip(1));
        State(writer, container);
        writer.WriteString("Image"u8, definition.ImageId?.ToString() ?? "");
        writer.WriteString("ResolvConfPath"u8, container.Files.ResolvConf);
        writer.WriteString("HostnamePath"u8, container.Files.Hostname);
        writer.WriteString("HostsPath"u8, container.Files.Hosts);
        writer.WriteString("LogPath"u8, definition.Log.Driver == "none" ? "" : container.Files.Log);
        writer.WriteString("Name"u8, "/" + container.Name);
        writer.WriteNumber("RestartCount"u8, container.State.Restarts);
        writer.WriteString("Driver"u8, "overlay2");
        writer.WriteString("Platform"u8, "linux");
        writer.WriteString("MountLabel"u8, "");
        writer.WriteString("ProcessLabel"u8, "");
        writer.WriteString("AppArmorProfile"u8, "");
        writer.WriteNull("ExecIDs"u8);
        HostConfig(writer, definition);
        writer.WriteStartObject("GraphDriver"u8);
        writer.WriteStartObject("Data"u8);
        writer.WriteString("UpperDir"u8, container.Files.Upper);
        writer.WriteString("WorkDir"u8, container.Files.Work);
        writer.WriteEndObject();
        writer.WriteString("Name"u8, "overlay2");
        writer.WriteEndObject();
        if (size is { } bytes)
        {
            writer.WriteNumber("SizeRw"u8, bytes.Own);
            writer.WriteNumber("SizeRootFs"u8, bytes.Own + bytes.Image);
        }

        Mounts(writer, container);
        Config(writer, definition);
        NetworkSettings(writer, container);
        writer.WriteEndObject();
    }

    private static void State(Utf8JsonWriter writer, Container container)
    {
        ContainerState state = container.State;
        writer.WriteStartObject("State"u8);
        writer.WriteString("Status"u8, ContainerText.State(state.Status));
        writer.WriteBoolean("Running"u8, state.IsRunning);
        writer.WriteBoolean("Paused"u8, state.Status == ContainerStatus.Paused);
        writer.WriteBoolean("Restarting"u8, state.Status == ContainerStatus.Restarting);
        writer.WriteBoolean("OOMKilled"u8, state.OutOfMemory);
        writer.WriteBoolean("Dead"u8, false);
        writer.WriteNumber("Pid"u8, state.Process?.ProcessId ?? 0);
        writer.WriteNumber("ExitCode"u8, state.ExitCode);
        writer.WriteString("Error"u8, state.Error ?? "");
        writer.WriteString("StartedAt"u8, state.Started is { } started ? HumanTime.Rfc3339Nano(started) : NoTime);
        writer.WriteString("FinishedAt"u8, state.Finished is { } finished ? HumanTime.Rfc3339Nano(finished) : NoTime);
        if (state.Health is { } health)
        {
            writer.WriteStartObject("Health"u8);
            writer.WriteString("Status"u8, health.Status);
            writer.WriteNumber("FailingStreak"u8, health.FailingStreak);
            writer.WriteStartArray("Log"u8);
            foreach (HealthResult result in health.Log)
            {
                writer.WriteStartObject();
                writer.WriteString("Start"u8, HumanTime.Rfc3339Nano(result.Start));
                writer.WriteString("End"u8, HumanTime.Rfc3339Nano(result.End));
                writer.WriteNumber("ExitCode"u8, result.ExitCode);
                writer.WriteString("Output"u8, result.Output);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void HostConfig(Utf8JsonWriter writer, ContainerDefinition definition)
    {
        ResourceLimits limits = definition.Limits;
        ContainerIsolation isolation = definition.Isolation;
        writer.WriteStartObject("HostConfig"u8);
        Strings(writer, "Binds", definition.Mounts.Where(mount => mount.Type is "bind" or "volume" && !mount.IsAnonymous)
            .Select(mount => $"{mount.Source}:{mount.Destination}{(mount.IsReadOnly ? ":ro" : "")}"));
        writer.WriteString("ContainerIDFile"u8, "");
        writer.WriteStartObject("LogConfig"u8);
        writer.WriteString("Type"u8, definition.Log.Driver);
        writer.WriteStartObject("Config"u8);
        if (definition.Log.MaxBytes is { } most)
        {
            writer.WriteString("max-size"u8, most.ToString(CultureInfo.InvariantCulture));
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteString("NetworkMode"u8, definition.Networking.Mode);
        Ports(writer, "PortBindings", definition.Networking.Ports);
        writer.WriteStartObject("RestartPolicy"u8);
        writer.WriteString("Name"u8, definition.Restart.Name);
        writer.WriteNumber("MaximumRetryCount"u8, definition.Restart.MaximumRetryCount);
        writer.WriteEndObject();
        writer.WriteBoolean("AutoRemove"u8, definition.AutoRemove);
        Strings(writer, "CapAdd", isolation.AddedCapabilities);
        Strings(writer, "CapDrop", isolation.DroppedCapabilities);
        writer.WriteString("CgroupnsMode"u8, isolation.Cgroup);
        Strings(writer, "Dns", definition.Networking.Dns.Servers);
        Strings(writer, "DnsOptions", definition.Networking.Dns.Options);
        Strings(writer, "DnsSearch", definition.Networking.Dns.Searches);
        Strings(writer, "ExtraHosts", definition.Networking.ExtraHosts.Select(host => $"{host.Name}:{host.Address}"));
        Strings(writer, "GroupAdd", definition.Groups);
        writer.WriteString("IpcMode"u8, isolation.Ipc.Length == 0 ? "private" : isolation.Ipc);
        writer.WriteString("PidMode"u8, isolation.Pid);
        writer.WriteString("UTSMode"u8, isolation.Uts);
        writer.WriteString("UsernsMode"u8, isolation.User);
        writer.WriteNumber("OomScoreAdj"u8, limits.OutOfMemoryScore ?? 0);
        writer.WriteBoolean("Privileged"u8, isolation.IsPrivileged);
        writer.WriteBoolean("PublishAllPorts"u8, definition.Networking.PublishesAll);
        writer.WriteBoolean("ReadonlyRootfs"u8, definition.IsReadOnly);
        Strings(writer, "SecurityOpt", isolation.SecurityOptions);
        writer.WriteStartObject("Tmpfs"u8);
        foreach (MountDefinition mount in definition.Mounts.Where(mount => mount.Type == "tmpfs"))
        {
            writer.WriteString(mount.Destination, string.Join(',', mount.Options));
        }

        writer.WriteEndObject();
        writer.WriteStartObject("Sysctls"u8);
        foreach ((string key, string value) in isolation.Sysctls)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
        writer.WriteNumber("ShmSize"u8, definition.ShmSize ?? 64L << 20);
        writer.WriteString("Runtime"u8, "crun");
        writer.WriteNumber("CpuShares"u8, limits.CpuShares ?? 0);
        writer.WriteNumber("Memory"u8, limits.Memory ?? 0);
        writer.WriteNumber("NanoCpus"u8, (long)((limits.Cpus ?? 0) * 1e9));
        writer.WriteString("CgroupParent"u8, "");
        writer.WriteNumber("BlkioWeight"u8, limits.BlockWeight ?? 0);
        writer.WriteNumber("CpuPeriod"u8, limits.CpuPeriod ?? 0);
        writer.WriteNumber("CpuQuota"u8, limits.CpuQuota ?? 0);
        writer.WriteString("CpusetCpus"u8, limits.CpuSet ?? "");
        writer.WriteString("CpusetMems"u8, limits.MemoryNodes ?? "");
        writer.WriteNumber("MemoryReservation"u8, limits.MemoryReservation ?? 0);
        writer.WriteNumber("MemorySwap"u8, limits.MemorySwap ?? (2 * limits.Memory ?? 0));
        writer.WriteNumber("PidsLimit"u8, limits.Pids ?? 0);
        writer.WriteBoolean("Init"u8, definition.UsesInit);
        writer.WriteEndObject();
    }

    private static void Mounts(Utf8JsonWriter writer, Container container)
    {
        writer.WriteStartArray("Mounts"u8);
        foreach (MountDefinition mount in container.Definition.Mounts)
        {
            writer.WriteStartObject();
            writer.WriteString("Type"u8, mount.Type);
            if (mount.Type == "volume")
            {
                writer.WriteString("Name"u8, mount.Source);
                writer.WriteString("Driver"u8, "local");
            }

            writer.WriteString("Source"u8, mount.Source);
            writer.WriteString("Destination"u8, mount.Destination);
            writer.WriteString("Mode"u8, mount.IsReadOnly ? "ro" : "");
            writer.WriteBoolean("RW"u8, !mount.IsReadOnly);
            writer.WriteString("Propagation"u8, mount.Type == "bind" ? mount.Propagation ?? "rprivate" : "");
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Config(Utf8JsonWriter writer, ContainerDefinition definition)
    {
        writer.WriteStartObject("Config"u8);
        writer.WriteString("Hostname"u8, definition.Hostname ?? "");
        writer.WriteString("Domainname"u8, definition.Domainname ?? "");
        writer.WriteString("User"u8, definition.User ?? "");
        writer.WriteBoolean("AttachStdin"u8, definition.IsAttached && definition.OpensInput);
        writer.WriteBoolean("AttachStdout"u8, definition.IsAttached);
        writer.WriteBoolean("AttachStderr"u8, definition.IsAttached);
        if (definition.ExposedPorts.Length > 0)
        {
            writer.WriteStartObject("ExposedPorts"u8);
            foreach (string port in definition.ExposedPorts)
            {
                writer.WriteStartObject(port);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        writer.WriteBoolean("Tty"u8, definition.UsesTerminal);
        writer.WriteBoolean("OpenStdin"u8, definition.OpensInput);
        writer.WriteBoolean("StdinOnce"u8, definition.IsAttached && definition.OpensInput);
        Strings(writer, "Env", definition.Environment);
        Strings(writer, "Cmd", definition.Command ?? []);
        if (definition.Healthcheck is { } check)
        {
            writer.WriteStartObject("Healthcheck"u8);
            Strings(writer, "Test", check.Test ?? []);
            writer.WriteNumber("Interval"u8, check.Interval ?? 0);
            writer.WriteNumber("Timeout"u8, check.Timeout ?? 0);
            writer.WriteNumber("StartPeriod"u8, check.StartPeriod ?? 0);
            writer.WriteNumber("Retries"u8, check.Retries ?? 0);
            writer.WriteEndObject();
        }

        writer.WriteString("Image"u8, definition.Image);
        writer.WriteString("WorkingDir"u8, definition.WorkingDirectory ?? "");
        Strings(writer, "Entrypoint", definition.Entrypoint ?? []);
        writer.WriteStartObject("Labels"u8);
        foreach ((string key, string value) in definition.Labels)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
        writer.WriteString("StopSignal"u8, definition.StopSignal ?? "SIGTERM");
        if (definition.StopTimeout is { } timeout)
        {
            writer.WriteNumber("StopTimeout"u8, timeout);
        }

        writer.WriteEndObject();
    }

    private static void NetworkSettings(Utf8JsonWriter writer, Container container)
    {
        ContainerState state = container.State;
        writer.WriteStartObject("NetworkSettings"u8);
        writer.WriteString("SandboxKey"u8, state.Process is { } process ? $"/proc/{process.ProcessId}/ns/net" : "");
        Ports(writer, "Ports", state.Ports);
        EndpointState? first = state.Endpoints.FirstOrDefault(endpoint => endpoint.Network == "bridge");
        Endpoint(writer, first);
        writer.WriteStartObject("Networks"u8);
        foreach (string name in container.Definition.Networking.Endpoints.IsEmpty ? [container.Definition.Networking.Mode] : container.Definition.Networking.Endpoints.Keys)
        {
            writer.WriteStartObject(name);
            Strings(writer, "Aliases", container.Definition.Networking.Endpoints.TryGetValue(name, out EndpointDefinition? wanted) ? wanted.Aliases : []);
            Endpoint(writer, state.Endpoints.FirstOrDefault(endpoint => endpoint.Network == name));
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Endpoint(Utf8JsonWriter writer, EndpointState? endpoint)
    {
        string[] address = (endpoint?.Address ?? "").Split('/');
        writer.WriteString("Gateway"u8, endpoint?.Gateway ?? "");
        writer.WriteString("IPAddress"u8, address[0]);
        writer.WriteNumber("IPPrefixLen"u8, address.Length == 2 ? int.Parse(address[1], CultureInfo.InvariantCulture) : 0);
        writer.WriteString("MacAddress"u8, endpoint?.MacAddress ?? "");
    }

    private static void Ports(Utf8JsonWriter writer, string name, IEnumerable<PortDefinition> ports)
    {
        writer.WriteStartObject(name);
        foreach (IGrouping<string, PortDefinition> group in ports.GroupBy(port => string.Create(CultureInfo.InvariantCulture, $"{port.ContainerPort}/{port.Protocol}")))
        {
            writer.WriteStartArray(group.Key);
            foreach (PortDefinition port in group)
            {
                writer.WriteStartObject();
                writer.WriteString("HostIp"u8, port.HostAddress.Length == 0 ? "0.0.0.0" : port.HostAddress);
                writer.WriteString("HostPort"u8, port.HostPort == 0 ? "" : port.HostPort.ToString(CultureInfo.InvariantCulture));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }
}
